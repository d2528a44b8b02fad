// A card of the chat. This file only fetches what draws it: Chainlit compiles an element's file for
// each card and again whenever the page changes, so the large part is compiled once for all of them.
// `Cards.jsx` is made of the files in public/cards when the server starts.
import { createElement, useEffect, useState } from 'react'
import { Renderer } from '@/components/renderer'

const SOURCE = '/public/elements/Cards.jsx'
const RETRY_MS = 2000
const room = (window.thimbleCards = window.thimbleCards || {})

function fetched() {
  if (!room.source) {
    // Always asked for anew: a copy from before an update would draw what no longer comes.
    const asked = fetch(apiClient.buildEndpoint(SOURCE), { cache: 'no-cache' })
    room.source = asked.then((answer) => (answer.ok ? answer.text() : Promise.reject(answer.status)))
    room.source.catch(() => (room.source = null))
  }
  return room.source
}

// The same function each time this file is run, so that React keeps what a person has typed or
// opened in a card when its data changes.
room.Loader =
  room.Loader ||
  function Loader(given) {
    const [code, setCode] = useState('')
    const [, setReady] = useState(false)
    useEffect(() => {
      if (room.Card) return undefined
      let timer
      const load = () => room.fetched().then(setCode, () => (timer = setTimeout(load, RETRY_MS)))
      load()
      return () => clearTimeout(timer)
    }, [])
    useEffect(() => setReady(Boolean(room.Card)), [code])
    if (room.Card) return createElement(room.Card, given)
    return code ? createElement(Renderer, { sourceCode: code, props: {} }) : null
  }
room.fetched = fetched

export default createElement(room.Loader, { ...props, callAction, sendUserMessage })
