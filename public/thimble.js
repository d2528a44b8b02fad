// The chat is mounted below /chat, where Chainlit forgets to write the thread into the address.
// The server says which thread this tab is in; with it in the address a reload comes back to it.
const THREAD = /^\/chat\/thread\/[0-9a-f-]{36}$/
const path = () => window.location.pathname.replace(/\/$/, '')

window.addEventListener('message', (event) => {
  const thread = event.source === window && event.data && event.data.thimble_thread
  const address = `/chat/thread/${thread}`
  if (THREAD.test(address) && path() !== address) {
    window.history.replaceState(window.history.state, '', address)
  }
})

// Who opens a thread by its address without being logged in is led over the login to the start;
// this leads on to the thread.
const wanted = (value) =>
  value === undefined ? sessionStorage.getItem('wanted') : sessionStorage.setItem('wanted', value)
if (THREAD.test(path())) wanted(path())
const watch = setInterval(() => {
  if (!document.getElementById('chat-input')) return
  clearInterval(watch)
  const thread = wanted()
  sessionStorage.removeItem('wanted')
  if (path() === '/chat' && THREAD.test(thread || '')) window.location.replace(thread)
}, 100)
