import { expect, it } from 'vitest'

import { findings } from '../../src/view/findings'

it('findings of a list stand after the correction for its length', () => {
    // Limits of four tests: 0.025, 0.05, 0.075, 0.1. The third stands, and so do those below it.
    expect(findings([0.06, 0.2, 0.001, 0.055])).toEqual([true, false, true, true])
    expect(findings([0.06, 0.2, null, 0.09])).toEqual([false, false, false, false])
    expect(findings([0.08])).toEqual([true])
    expect(findings([null])).toEqual([false])
})
