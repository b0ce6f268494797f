/** Order of release numbers. */

/** Returns versions, the newest first: numbers within them count as numbers, so 4.10 is after 4.9. */
export function newestFirst(versions: string[]): string[] {
    const known = versions.filter((version) => /\d/.test(version))
    return known.toSorted((one, other) => other.localeCompare(one, 'en', { numeric: true }))
}
