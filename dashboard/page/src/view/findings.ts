/** Findings of a list, corrected for its length. */

/** Rate of false findings among the findings of a list, as the API has it. */
export const Q = 0.1

/** Returns which of the p-values are findings (Benjamini and Hochberg, 1995). Null is not tested. */
export function findings(values: readonly (number | null)[], q = Q): boolean[] {
    const tested = values.filter((p) => p !== null).toSorted((a, b) => a - b)
    const limit = tested.findLast((p, index) => p <= ((index + 1) / tested.length) * q)
    return values.map((p) => p !== null && limit !== undefined && p <= limit)
}
