import { render } from './render.js'

const link = document.getElementById('link')

/** The browser comes back by itself where the connection is cut; it is told so meanwhile. */
const events = new EventSource('/page/events')
events.onopen = () => { say('live') }
events.onerror = () => { say(events.readyState === EventSource.CLOSED ? 'ended: reload, or start the server again for a new link' : 'connection lost, trying again …') }
events.onmessage = ({ data }) => {
  const state = JSON.parse(data)
  document.body.dataset.at = state.now
  render(state)
  say('live')
}

function say(text) {
  if (link.textContent !== text) link.textContent = text
}
