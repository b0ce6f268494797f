/** Fetches answers of the API, a few at a time, and turns refusals into problems that a page can show. */
import type { Problem } from './answers'
import type { Path } from './paths'

/** A refusal of the API, or no answer at all (status 0). */
export class ApiError extends Error {
    constructor(readonly problem: Problem) {
        super(problem.detail)
    }

    /** Whether the same request may succeed later. */
    get passes(): boolean {
        return [0, 429, 502, 503, 504].includes(this.problem.status)
    }
}

/** Requests under way at once. A browser opens six connections to a host; one is for live events. */
const AT_ONCE = 4
let running = 0
const waiting: (() => void)[] = []

/**
 * Returns the answer.
 *
 * Throws an `ApiError`, or the signal's `AbortError`.
 */
export async function get<T>(path: Path<T>, signal: AbortSignal): Promise<T> {
    await turn()
    try {
        signal.throwIfAborted()
        return await fetchAnswer(path, signal)
    } finally {
        running -= 1
        waiting.shift()?.()
    }
}

async function turn(): Promise<void> {
    if (running >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve))
    running += 1
}

async function fetchAnswer<T>(path: Path<T>, signal: AbortSignal): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
        const response = await fetch(path.address, { headers: { accept: 'application/json' }, signal }).catch(
            (error: unknown) => {
                if (signal.aborted) throw error
                throw new ApiError(UNREACHABLE)
            },
        )
        if (response.ok) return (await response.json()) as T
        if (response.status !== 429 || attempt === 5) throw new ApiError(await problemOf(response))
        await pause(1000 * Number(response.headers.get('retry-after') ?? 1) * attempt, signal)
    }
}

const UNREACHABLE: Problem = {
    title: 'No connection',
    status: 0,
    detail: 'The dashboard does not answer. Check that `isobar dashboard` runs and that you are connected.',
}

async function problemOf(response: Response): Promise<Problem> {
    const body: unknown = await response.json().catch(() => null)
    const fields: Partial<Problem> = typeof body === 'object' && body !== null ? body : {}
    return {
        title: fields.title ?? response.statusText,
        detail: fields.detail ?? `The dashboard answered with status ${response.status}.`,
        status: response.status,
        ...(fields.parameter === undefined ? {} : { parameter: fields.parameter }),
    }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
        const timer = setTimeout(resolve, milliseconds)
        signal.addEventListener('abort', () => {
            clearTimeout(timer)
            reject(new DOMException('aborted', 'AbortError'))
        })
    })
}
