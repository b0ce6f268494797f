/** The view that the page shows now; it follows the address. */
import type { Me } from '../api/answers'
import type { Scope } from '../api/paths'
import { resolved, weeksBefore } from './hours'
import { fitted } from './lattice'
import { narrowed, parseView, viewAddress, type Dimension, type Filter, type Time, type View } from './view'

class Current {
    view = $state.raw<View>(parseView(location.pathname, location.search))
    /** Role and limits of the reader; unknown until the API answers. */
    me = $state.raw<Me>()

    get scope(): Scope {
        const { filter, time, measure } = this.view
        return { filter, time, measure }
    }

    /** Whether the figures follow the clock. */
    get moving(): boolean {
        return 'range' in this.view.time
    }

    /** Returns the view with `changes`. */
    with(changes: Partial<View>): View {
        return { ...this.view, ...changes }
    }

    /** Returns the address of the view with `changes`. */
    to(changes: Partial<View>): string {
        return viewAddress(this.with(changes))
    }

    /** Returns the filter with `changes`, and without what a viewer may not combine with them. */
    narrowed(changes: Partial<Record<Dimension, string | undefined>>): Filter {
        const next = narrowed(this.view.filter, changes)
        if (this.me?.role === 'participants') return next
        return fitted(next, Object.keys(changes) as Dimension[])
    }

    /** Returns the same hours a week before, as a selection's time. */
    weekBefore(): { time: Time } {
        return { time: weeksBefore(resolved(this.view.time, Date.now())) }
    }

    go(changes: Partial<View>) {
        this.follow(this.to(changes))
    }

    /** Goes to an address of these pages. */
    follow(address: string) {
        history.pushState(null, '', address)
        this.read()
    }

    read() {
        const before = this.view.page
        this.view = parseView(location.pathname, location.search)
        if (before !== this.view.page) window.scrollTo(0, 0)
    }

    /** Handles links of these pages and the browser's back and forward. */
    start(): () => void {
        const popped = () => this.read()
        const clicked = (event: MouseEvent) => {
            if (event.defaultPrevented || event.button !== 0) return
            if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
            const link = event.target instanceof Element ? event.target.closest('a[href]') : null
            const address = link?.getAttribute('href')
            if (!address?.startsWith('/') || address.startsWith('/api/') || link?.hasAttribute('download')) return
            event.preventDefault()
            this.follow(address)
        }
        addEventListener('popstate', popped)
        addEventListener('click', clicked)
        return () => {
            removeEventListener('popstate', popped)
            removeEventListener('click', clicked)
        }
    }
}

export const current = new Current()
