/** An answer of the API that follows its address: fetched anew when the address changes or a minute completes. */
import type { Problem } from './answers'
import { ApiError, get } from './client'
import { live } from './live.svelte'
import type { Path } from './paths'

/** Seconds after which a request is tried again that failed for a passing reason. */
const RETRY_S = 5

export class Resource<T> {
    /** The newest answer; it stays while a newer one is fetched. */
    data = $state.raw<T>()
    problem = $state.raw<Problem>()
    loading = $state(true)
    /** Seconds until the next attempt; null if there is none. */
    retrying = $state(false)

    #fetched = ''

    /** Fetches `path` until the answer is there. */
    async run(path: Path<T>, signal: AbortSignal): Promise<void> {
        this.loading = true
        if (this.#fetched !== path.address) this.problem = undefined
        for (;;) {
            try {
                this.data = await get(path, signal)
                this.#fetched = path.address
                this.problem = undefined
                this.retrying = false
                break
            } catch (error) {
                if (signal.aborted) return
                if (!(error instanceof ApiError)) throw error
                this.problem = error.problem
                this.retrying = error.passes
                if (!error.passes) break
                await new Promise((resolve) => setTimeout(resolve, RETRY_S * 1000))
                if (signal.aborted) return
            }
        }
        this.loading = false
    }
}

/**
 * Returns the answer at the path that `path` computes; undefined asks for nothing. Call it while a component
 * starts. With `follow`, a new complete minute fetches it anew.
 */
export function resource<T>(path: () => Path<T> | undefined, follow: () => boolean = () => true): Resource<T> {
    const found = new Resource<T>()
    // A derived value, so that a new object with the same address does not fetch.
    const address = $derived(path()?.address)
    let shown: string | undefined
    $effect(() => {
        const minute = follow() ? live.minute : null
        void minute
        if (address === undefined) return
        if (address !== shown) found.data = undefined
        shown = address
        const control = new AbortController()
        void found.run({ address }, control.signal)
        return () => control.abort()
    })
    return found
}
