// The chat is mounted below /chat, where Chainlit forgets to write the thread into the address.
// The server says which thread this tab is in; with it in the address a reload comes back to it.
window.addEventListener('message', (event) => {
  const thread = event.source === window && event.data && event.data.thimble_thread
  if (typeof thread !== 'string' || !/^[0-9a-f-]{36}$/.test(thread)) return
  const address = `/chat/thread/${thread}`
  if (window.location.pathname !== address) window.history.replaceState(window.history.state, '', address)
})
