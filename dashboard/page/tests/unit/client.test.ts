import { afterEach, expect, it, vi } from 'vitest'

import { ApiError, get } from '../../src/api/client'

const path = { address: '/api/v1/summary' }
const never = new AbortController().signal
const json = (body: unknown, status = 200, headers: Record<string, string> = {}) => new Response(JSON.stringify(body), { status, headers })

afterEach(() => vi.unstubAllGlobals())

async function failure(attempt: Promise<unknown>): Promise<ApiError> {
    const error: unknown = await attempt.then(
        () => undefined,
        (reason: unknown) => reason,
    )
    if (!(error instanceof ApiError)) throw new Error(`not refused: ${String(error)}`)
    return error
}

it('an answer is its JSON', async () => {
    vi.stubGlobal('fetch', () => Promise.resolve(json({ measures: [] })))
    expect(await get(path, never)).toEqual({ measures: [] })
})

it('a refusal carries the words of the API, and whether it passes', async () => {
    vi.stubGlobal('fetch', () => Promise.resolve(json({ title: 'Bad request', detail: '`contry` is no parameter', parameter: 'contry' }, 400)))
    const refused = await failure(get(path, never))
    expect([refused.problem, refused.passes]).toEqual([{ title: 'Bad request', status: 400, detail: '`contry` is no parameter', parameter: 'contry' }, false])
    vi.stubGlobal('fetch', () => Promise.resolve(new Response('<html>', { status: 503 })))
    const gone = await failure(get(path, never))
    expect([gone.problem.detail, gone.passes]).toEqual(['The dashboard answered with status 503.', true])
})

it('no connection is a problem that passes', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('failed to fetch')))
    const error = await failure(get(path, never))
    expect([error.problem.status, error.passes]).toEqual([0, true])
})

it('a request that comes too early waits as long as the API says', async () => {
    let asked = 0
    vi.stubGlobal('fetch', () => Promise.resolve((asked += 1) < 3 ? json({}, 429, { 'retry-after': '0' }) : json({ asked })))
    expect(await get(path, never)).toEqual({ asked: 3 })
})

it('a view that was left asks for nothing more', async () => {
    const control = new AbortController()
    const fetched = vi.fn(() => Promise.resolve(json({}, 429, { 'retry-after': '30' })))
    vi.stubGlobal('fetch', fetched)
    const attempt = get(path, control.signal)
    await vi.waitFor(() => expect(fetched).toHaveBeenCalledTimes(1))
    control.abort()
    await expect(attempt).rejects.toThrow('abort')
    expect(fetched).toHaveBeenCalledTimes(1)
})

it('four requests are under way at most, and all are answered', async () => {
    let [running, most] = [0, 0]
    vi.stubGlobal('fetch', async () => {
        most = Math.max(most, (running += 1))
        await new Promise((resolve) => setTimeout(resolve, 2))
        running -= 1
        return json({})
    })
    const answers = await Promise.all(Array.from({ length: 15 }, () => get(path, never)))
    expect([answers.length, most]).toEqual([15, 4])
})
