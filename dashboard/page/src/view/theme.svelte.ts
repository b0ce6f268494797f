/** Light or dark: what the system says, unless the reader has chosen. */

const KEY = 'isobar-theme'
const system = matchMedia('(prefers-color-scheme: dark)')

type Choice = 'light' | 'dark'

class Theme {
    #choice = $state<Choice | null>(stored())
    #system = $state(system.matches)
    dark = $derived((this.#choice ?? (this.#system ? 'dark' : 'light')) === 'dark')

    start(): () => void {
        const changed = () => (this.#system = system.matches)
        system.addEventListener('change', changed)
        this.#apply()
        return () => system.removeEventListener('change', changed)
    }

    toggle() {
        this.#choice = this.dark ? 'light' : 'dark'
        try {
            localStorage.setItem(KEY, this.#choice)
        } catch {
            // A browser that keeps nothing still shows the choice until it is closed.
        }
        this.#apply()
    }

    #apply() {
        if (this.#choice) document.documentElement.dataset['theme'] = this.#choice
    }
}

function stored(): Choice | null {
    try {
        const value = localStorage.getItem(KEY)
        return value === 'light' || value === 'dark' ? value : null
    } catch {
        return null
    }
}

export const theme = new Theme()
