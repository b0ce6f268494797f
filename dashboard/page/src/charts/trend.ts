/** A line with a band around it, drawn by uPlot in the page's colours. */
import uPlot from 'uplot'

import type { Unit } from '../format/measures'
import { amount } from '../format/numbers'
import { clock, date } from '../format/time'

export interface Trend {
    /** Seconds since the epoch. */
    at: number[]
    line: (number | null)[]
    low: (number | null)[]
    high: (number | null)[]
}

export interface TrendOptions {
    unit: Unit
    width: number
    height: number
    /** Called with the point under the mouse; null when it leaves. */
    hover: (index: number | null) => void
}

/** Draws into `element`; its custom properties give the colours. */
export function drawTrend(element: HTMLElement, trend: Trend, options: TrendOptions): uPlot {
    const colour = colours(element)
    const grid = { stroke: colour('--line'), width: 1 }
    const axis = { stroke: colour('--ink-3'), font: `11px ${getComputedStyle(element).fontFamily}`, grid, ticks: { show: false } }
    const line = colour('--series')
    return new uPlot(
        {
            width: options.width,
            height: options.height,
            legend: { show: false },
            padding: [8, 28, 0, 0],
            cursor: { y: false, drag: { x: false, y: false }, points: { size: 8, fill: line } },
            scales: { y: { range: (_plot, _low, high) => yRange(trend, high, options.unit) } },
            axes: [
                { ...axis, size: 34, space: 70, values: (_plot, splits) => timeLabels(splits) },
                { ...axis, size: 58, space: 34, values: (_plot, splits) => splits.map((value) => amount(value, options.unit)) },
            ],
            series: [
                {},
                { stroke: 'transparent', points: { show: false } },
                { stroke: 'transparent', points: { show: false } },
                { stroke: line, width: 1.75, points: { show: trend.at.length < 40, size: 4, fill: line, stroke: line } },
            ],
            bands: [{ series: [2, 1], fill: colour('--series-band') }],
            hooks: { setCursor: [(plot) => options.hover(plot.cursor.idx ?? null)] },
        },
        [trend.at, trend.low, trend.high, trend.line],
        element,
    )
}

/** From zero, so that no change looks larger than it is; a MOS from its worst. */
function yRange(trend: Trend, high: number, unit: Unit): [number, number] {
    if (unit === 'mos') {
        const low = Math.min(...trend.low.filter((value) => value !== null), ...trend.line.filter((value) => value !== null), 4)
        return [Math.max(1, Math.floor(low * 2) / 2), 5]
    }
    return [0, (high || 1) * 1.08]
}

/** The day under the first label and wherever it changes. */
function timeLabels(splits: number[]): string[] {
    let shown = ''
    const days = splits.length > 1 && (splits[1] ?? 0) - (splits[0] ?? 0) >= 86_400
    return splits.map((at) => {
        const day = date(at * 1000)
        if (days) return day
        const text = day === shown ? clock(at * 1000) : `${clock(at * 1000)}\n${day}`
        shown = day
        return text
    })
}

/** Returns a function from a custom property to its colour in the present theme, as canvas takes it. */
function colours(element: HTMLElement): (property: string) => string {
    const probe = element.ownerDocument.createElement('i')
    element.append(probe)
    const found = new Map<string, string>()
    for (const property of ['--line', '--ink-3', '--series', '--series-band']) {
        probe.style.color = `var(${property})`
        found.set(property, getComputedStyle(probe).color)
    }
    probe.remove()
    return (property) => found.get(property) ?? 'gray'
}
