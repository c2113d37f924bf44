import { expect, test } from 'vitest'
import { StreamError } from '../../src/contract/index.js'
import { writeFailure } from '../../src/grpc/grpc-failure.js'

test('kernels, which know no may_have_run, are told that such an error is not retryable; the whole error says both', () => {
  const told: object[] = []
  const keep = (value: object): Buffer => {
    told.push(value)
    return Buffer.alloc(0)
  }
  const { trailers } = writeFailure(new StreamError('cut', { retryable: true, may_have_run: true }), { amplifierError: keep, statusDetails: keep })
  expect(told[0]).toMatchObject({ provider_error: { retryable: false } })
  expect(JSON.parse(String(trailers['amplifier-error-bin']))).toMatchObject({ type: 'StreamError', retryable: true, may_have_run: true })
})
