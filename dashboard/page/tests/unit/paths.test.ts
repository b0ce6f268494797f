import { expect, it } from 'vitest'

import { breakdown, comparison, csv, distribution, series, sideScope, values, type Scope } from '../../src/api/paths'

const scope: Scope = { filter: { country: 'BR', provider: `O'Hara & "Sons" <b>` }, time: { range: '7d' }, measure: 'loss' }

it('an address carries filter, time and measure, with odd characters written safely', () => {
    const { address } = breakdown(scope, 'network_type', { sort: 'harm', sparkline: true })
    const url = new URL(address, 'http://api')
    expect(Object.fromEntries(url.searchParams)).toEqual({
        by: 'network_type', range: '7d', country: 'BR', provider: `O'Hara & "Sons" <b>`, measure: 'loss', sort: 'harm', sparkline: '1',
    })
    expect(address).not.toMatch(/["<> ]/)
})

it('fixed times take the place of a range', () => {
    const fixed = { ...scope, time: { from: '2026-11-30T00:00:00Z', to: '2026-12-01T00:00:00Z' } }
    expect(series(fixed).address).toContain('from=2026-11-30T00%3A00%3A00Z&to=2026-12-01T00%3A00%3A00Z')
})

it('the sides of a comparison are whole: the common filter and what each sets itself', () => {
    const { address } = comparison(scope, { filter: { country: 'AR' } }, { filter: {}, time: { range: '24h' } })
    const query = Object.fromEntries(new URL(address, 'http://api').searchParams)
    expect(query['a.country']).toBe('AR')
    expect(query['b.country']).toBe('BR')
    expect([query['a.range'], query['b.range']]).toEqual(['7d', '24h'])
    expect(query['country']).toBeUndefined()
    expect(distribution(sideScope(scope, { filter: { country: 'AR' } }), 'loss').address).toContain('country=AR')
})

it('values of a dimension are those of the rest of the filter', () => {
    const query = Object.fromEntries(new URL(values('provider', scope, 'Cl').address, 'http://api').searchParams)
    expect(query).toEqual({ of: 'provider', range: '7d', country: 'BR', q: 'Cl', limit: '300' })
})

it('every answer has an address as CSV', () => {
    expect(csv(series(scope))).toMatch(/&format=csv$/)
    expect(csv({ address: '/api/v1/me' })).toBe('/api/v1/me?format=csv')
})
