/** Seven steps of colour from good to bad, the same for every picture; `charts.css` has the colours. */
import { amount } from '../format/numbers'
import type { MeasureText } from '../format/measures'

/** Returns the step of a value, 0 (good) to 6 (bad). */
export function step(value: number, text: Pick<MeasureText, 'steps' | 'higherIsWorse'>): number {
    const worse = (limit: number) => (text.higherIsWorse ? value >= limit : value <= limit)
    return text.steps.filter(worse).length
}

/**
 * Returns the measure's text with steps of its own for one selection, evenly from zero to its worst: so hours differ
 * in colour as much as they differ in value. A MOS has no zero and keeps its steps.
 */
export function ownSteps(text: MeasureText, values: number[]): MeasureText {
    const worst = Math.max(...values, 0)
    if (!text.higherIsWorse || worst === 0) return text
    return { ...text, steps: Array.from({ length: 6 }, (_, index) => (worst * (index + 1)) / 7) }
}

/** Returns what each step covers, for the legend: `under 1.0%`, `1.0–2.0%`, …, `20.0% and more`. */
export function stepLabels(text: MeasureText): string[] {
    const limits = text.steps.map((limit) => amount(limit, text.unit))
    const [under, over] = text.higherIsWorse ? ['under', 'and more'] : ['over', 'and less']
    const between = limits.slice(1).map((limit, index) => `${limits[index]?.replace(/( ms|%)$/, '')}–${limit}`)
    return [`${under} ${limits[0]}`, ...between, `${limits.at(-1)} ${over}`]
}
