/** Names of places and of the values of other dimensions. */
import type { Key } from '../api/answers'
import type { Dimension, Filter } from '../view/view'

export const CONTINENTS: Record<string, string> = {
    AF: 'Africa',
    AN: 'Antarctica',
    AS: 'Asia',
    EU: 'Europe',
    NA: 'North America',
    OC: 'Oceania',
    SA: 'South America',
}

const countries = new Intl.DisplayNames('en', { type: 'region', fallback: 'code' })

export function countryName(code: string): string {
    return /^[A-Z]{2}$/.test(code) ? (countries.of(code) ?? code) : code
}

export const DIMENSION_TEXTS: Record<Dimension, { one: string; many: string }> = {
    app: { one: 'App', many: 'Apps' },
    continent: { one: 'Continent', many: 'Continents' },
    country: { one: 'Country', many: 'Countries' },
    subdivision: { one: 'Region', many: 'Regions' },
    city: { one: 'City', many: 'Cities' },
    provider: { one: 'Provider', many: 'Providers' },
    network_type: { one: 'Network type', many: 'Network types' },
    edge: { one: 'Edge', many: 'Edges' },
    kind: { one: 'Kind', many: 'Kinds' },
    direction: { one: 'Direction', many: 'Directions' },
    device_class: { one: 'Device', many: 'Devices' },
    browser: { one: 'Browser', many: 'Browsers' },
    browser_version: { one: 'Browser version', many: 'Browser versions' },
    client_version: { one: 'App version', many: 'App versions' },
}

const VALUES: Partial<Record<Dimension, Record<string, string>>> = {
    network_type: { wifi: 'Wi-Fi', ethernet: 'Ethernet', cellular: 'Cellular', vpn: 'VPN', bluetooth: 'Bluetooth', wimax: 'WiMAX' },
    kind: { audio: 'Audio', video: 'Video' },
    direction: { inbound: 'Received', outbound: 'Sent' },
    device_class: { desktop: 'Desktop', mobile: 'Mobile', phone: 'Phone', tablet: 'Tablet' },
}

/** Returns how a value of a dimension reads; the text itself where nothing better is known. */
export function valueName(dimension: Dimension, value: string): string {
    if (value === '' || value === 'unknown') return 'Unknown'
    if (dimension === 'country') return countryName(value)
    if (dimension === 'continent') return CONTINENTS[value] ?? value
    return VALUES[dimension]?.[value] ?? value
}

/** Returns the name of a row: of the finest place or value in its key. */
export function keyName(key: Key, by: Dimension, name: string | null = null): string {
    const value = key[by]
    if (value === undefined) return name ?? 'Others'
    if (by === 'provider' || by === 'subdivision') return name || valueName(by, value)
    return valueName(by, value)
}

/** Returns where a provider's row is, as small text behind its name. */
export function keyPlace(key: Key): string {
    if (key.city) return [key.city, key.country && countryName(key.country)].filter(Boolean).join(', ')
    if (key.country) return countryName(key.country)
    return key.continent ? (CONTINENTS[key.continent] ?? key.continent) : ''
}

/** Returns a filter as a title: `Claro in Brazil`, `Brazil`, `the world`. */
export function placeTitle(filter: Filter): string {
    const place = filter.city ?? filter.subdivision
    const country = filter.country ? countryName(filter.country) : undefined
    const continent = filter.continent ? (CONTINENTS[filter.continent] ?? filter.continent) : undefined
    const where = [place, country ?? continent].filter(Boolean).join(', ')
    if (filter.provider) return where ? `${filter.provider} in ${where}` : filter.provider
    return where || 'World'
}
