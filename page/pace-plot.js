/** Plots by uPlot, which stands as `uPlot` on the window; drawn anew only where the figures or the colours have changed. */
const plots = new Map()
const HEIGHT = 130
const dark = matchMedia('(prefers-color-scheme: dark)')
dark.addEventListener('change', () => { for (const plot of plots.values()) plot.draw() })

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name)
const clock = (ms) => new Date(ms).toLocaleString([], { hour: '2-digit', minute: '2-digit' })

/**
 * How a window has filled, and how it goes on at its pace until it is full or reset; undefined with fewer than two samples.
 * The same element each time, since a plot that is made anew twice a second can't be read.
 */
export function plotPace(window, name, now) {
  const { samples = [], pace, resets_at: resetsAt } = window
  if (samples.length < 2) return undefined
  const plot = plots.get(name) ?? createPlot()
  plots.set(name, plot)
  const data = extend(samples, pace, { nowMs: Date.parse(now), endMs: Date.parse(pace?.runs_out_at ?? resetsAt ?? now) })
  const [first, last] = [samples[0], samples.at(-1)]
  const course = pace === undefined ? '' : pace.runs_out_at ? `; at this pace full at ${clock(Date.parse(pace.runs_out_at))}` : '; at this pace not full before its reset'
  plot.element.setAttribute('aria-label', `${name}: ${first[1]} % at ${clock(first[0])}, ${last[1]} % at ${clock(last[0])}${course}`)
  plot.show(data)
  return plot.element
}

/** Ends the plots of windows that are no longer shown. */
export function keepPlots(names) {
  for (const [name, plot] of plots) {
    if (names.includes(name)) continue
    plot.destroy()
    plots.delete(name)
  }
}

/** Columns as uPlot takes them: seconds, percent as told, percent to come. Days of pace would hide the hours that were, so it shows as much again as there was. */
function extend(samples, pace, { nowMs, endMs }) {
  const times = samples.map(([at]) => at / 1000)
  const told = samples.map(([, used]) => used)
  const coming = told.map((_, index) => (pace && index === told.length - 1 ? told[index] : null))
  const untilMs = Math.min(endMs, nowMs + Math.max(3_600_000, nowMs - samples[0][0]))
  if (pace && untilMs > samples.at(-1)[0]) {
    times.push(untilMs / 1000)
    told.push(null)
    coming.push(Math.min(100, told[told.length - 2] + (pace.percent_per_hour * (untilMs - samples.at(-1)[0])) / 3_600_000))
  }
  return [times, told, coming]
}

function createPlot() {
  const element = document.createElement('div')
  element.className = 'plot'
  element.setAttribute('role', 'img')
  let chart
  let shown = ''
  let data = []
  const draw = () => {
    chart?.destroy()
    const axis = { stroke: colour('--soft'), grid: { stroke: colour('--line'), width: 1 }, ticks: { show: false }, font: '12px system-ui, sans-serif' }
    chart = new globalThis.uPlot({
      width: Math.max(200, element.clientWidth), height: HEIGHT, legend: { show: false }, cursor: { show: false }, scales: { y: { range: [0, 100] } },
      axes: [axis, { ...axis, size: 44, values: (_, ticks) => ticks.map((tick) => `${tick} %`) }],
      series: [{}, { stroke: colour('--fill'), width: 2, points: { show: false } }, { stroke: colour('--warn'), width: 2, dash: [6, 4], spanGaps: true, points: { show: false } }],
    }, data, element)
  }
  const resized = new ResizeObserver(() => {
    if (chart && Math.abs(chart.width - element.clientWidth) > 1) chart.setSize({ width: Math.max(200, element.clientWidth), height: HEIGHT })
  })
  resized.observe(element)
  return {
    element,
    draw,
    show(next) {
      const text = JSON.stringify(next)
      if (text === shown) return
      shown = text
      data = next
      if (chart) chart.setData(data)
      else requestAnimationFrame(draw)
    },
    destroy() {
      resized.disconnect()
      chart?.destroy()
    },
  }
}
