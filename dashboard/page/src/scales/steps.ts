/** Seven steps of colour from good to bad, the same for every picture; `charts.css` has the colours. */
import { amount } from '../format/numbers'
import type { MeasureText } from '../format/measures'

/** Returns the step of a value, 0 (good) to 6 (bad). */
export function step(value: number, text: Pick<MeasureText, 'steps' | 'higherIsWorse'>): number {
    const worse = (limit: number) => (text.higherIsWorse ? value >= limit : value <= limit)
    return text.steps.filter(worse).length
}

/** Returns what each step covers, for the legend: `under 1.0%`, `1.0–2.0%`, …, `20.0% and more`. */
export function stepLabels(text: MeasureText): string[] {
    const limits = text.steps.map((limit) => amount(limit, text.unit))
    const [under, over] = text.higherIsWorse ? ['under', 'and more'] : ['over', 'and less']
    const between = limits.slice(1).map((limit, index) => `${limits[index]?.replace(/( ms|%)$/, '')}–${limit}`)
    return [`${under} ${limits[0]}`, ...between, `${limits.at(-1)} ${over}`]
}
