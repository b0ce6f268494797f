/** What the API pushes: how fresh the data is, and that a new minute is complete. */
import type { Freshness, Problem } from './answers'
import { LIVE } from './paths'

/** Seconds without an event after which the page says that it is cut off. The API sends one every 5 s. */
const SILENCE_S = 20

/** Milliseconds between two refreshes of the figures: they are of whole hours, so a minute is enough. */
const REFRESH_MS = 60_000

/** Milliseconds after which a refused connection is opened anew. */
const REOPEN_MS = 5000

class Live {
    freshness = $state.raw<Freshness>()
    /** The newest complete minute for which the figures were fetched. */
    minute = $state<string>()
    connected = $state(true)
    /** Why the API cannot say how fresh the data is. */
    problem = $state.raw<Problem>()
    /** When the last event arrived, by this computer's clock. */
    heard = $state(Date.now())
    now = $state(Date.now())

    #refreshed = Date.now()
    #opened = 0

    /** Listens until the returned function is called. */
    start(): () => void {
        let source = this.#open()
        const timer = setInterval(() => {
            this.now = Date.now()
            this.connected = this.now - this.heard < SILENCE_S * 1000
            // A browser gives up after a refusal, such as while ClickHouse is gone.
            if (source.readyState === EventSource.CLOSED && this.now - this.#opened > REOPEN_MS) source = this.#open()
        }, 1000)
        return () => {
            source.close()
            clearInterval(timer)
        }
    }

    #open(): EventSource {
        this.#opened = Date.now()
        const source = new EventSource(LIVE)
        source.addEventListener('freshness', (event: MessageEvent<string>) => {
            this.freshness = JSON.parse(event.data) as Freshness
            this.problem = undefined
            this.#hear()
        })
        source.addEventListener('minute', (event: MessageEvent<string>) => {
            this.#hear()
            if (Date.now() - this.#refreshed < REFRESH_MS || document.hidden) return
            this.#refreshed = Date.now()
            this.minute = (JSON.parse(event.data) as { newest_minute: string }).newest_minute
        })
        source.addEventListener('problem', (event: MessageEvent<string>) => {
            this.problem = JSON.parse(event.data) as Problem
            this.#hear()
        })
        return source
    }

    #hear() {
        this.heard = Date.now()
        this.connected = true
    }
}

export const live = new Live()
