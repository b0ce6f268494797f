/** Linear and logarithmic axes of the drawn charts. */

export interface Axis {
    ticks: number[]
    /** Returns the place of a value on the axis, 0 to 1, clamped. */
    at: (value: number) => number
    /** Returns whether a value is on the axis, and not beyond its ends. */
    holds: (value: number) => boolean
}

/** Returns an axis from `low` to `high` with about `count` round ticks. */
export function linearAxis(low: number, high: number, count = 4): Axis {
    const width = high - low || 1
    const size = tickSize(width / count)
    const first = Math.ceil(low / size - 1e-9)
    const last = Math.floor((low + width) / size + 1e-9)
    const ticks = Array.from({ length: last - first + 1 }, (_, index) => (first + index) * size)
    return { ticks, at: (value) => clamp((value - low) / width), holds: (value) => value >= low && value <= low + width }
}

/** Returns a logarithmic axis; `low` is above 0. */
export function logAxis(low: number, high: number): Axis {
    const [from, to] = [Math.log10(low), Math.log10(Math.max(high, low * 1.01))]
    const ticks: number[] = []
    for (let power = Math.floor(from); power <= Math.ceil(to); power += 1) {
        for (const factor of to - from > 2.5 ? [1] : to - from > 1.2 ? [1, 3] : [1, 2, 5]) {
            const tick = factor * 10 ** power
            if (Math.log10(tick) >= from - 1e-9 && Math.log10(tick) <= to + 1e-9) ticks.push(tick)
        }
    }
    return { ticks, at: (value) => clamp((Math.log10(Math.max(value, low)) - from) / (to - from)), holds: (value) => value >= low && value <= high }
}

/** Returns the round step (1, 2 or 5 times a power of ten) that is at least `least`. */
function tickSize(least: number): number {
    const power = 10 ** Math.floor(Math.log10(least))
    const factor = [1, 2, 5, 10].find((candidate) => candidate * power >= least * 0.999) ?? 10
    return factor * power
}

const clamp = (value: number): number => Math.min(1, Math.max(0, value))
