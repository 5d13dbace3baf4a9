import { describe, expect, test } from 'vitest'
import { sortOpenAiFailure } from '../../src/providers/dialects/openai/openai-failures.ts'
import type { UpstreamAnswer } from '../../src/providers/failures/error-body.ts'
import { sortAnswer } from '../../src/providers/failures/http-failure.ts'
import { parseRetryAfter } from '../../src/providers/failures/retry-after.ts'
import { today } from '../kit/rooms/open-providers.ts'

const key = 'sk-proj-abcdef1234567890'
const plainKey = 'open sesame'

function sort(status: number, json: unknown, more: Partial<UpstreamAnswer> = {}) {
  const redaction = { secrets: [key, plainKey], prompts: ['a red rose on a white table'] }
  const sorting = { sortOwn: sortOpenAiFailure, redaction, now: today }
  return sortAnswer({ status, headers: {}, json, text: '', ...more }, sorting)
}

const openAi = (code: string | null, message = 'No.', more = {}) => ({
  error: { message, type: 'invalid_request_error', param: null, code, ...more },
})

describe('the sorter of failures', () => {
  test.each([
    [400, openAi('unknown_parameter'), 'REFUSED', 'UPSTREAM_INVALID_REQUEST', 'INVALID_ARGUMENT'],
    [400, openAi('moderation_blocked'), 'REFUSED', 'CONTENT_REFUSED', 'INVALID_ARGUMENT'],
    [400, openAi('content_policy_violation'), 'REFUSED', 'CONTENT_REFUSED', 'INVALID_ARGUMENT'],
    [
      400,
      openAi('output_blocked', 'No.', { type: 'image_generation_user_error' }),
      'FAILED',
      'CONTENT_REFUSED',
      'INVALID_ARGUMENT',
    ],
    [401, openAi('invalid_api_key'), 'REFUSED', 'UPSTREAM_AUTH', 'FAILED_PRECONDITION'],
    [
      403,
      openAi(null, 'Your organization must be verified'),
      'REFUSED',
      'UPSTREAM_AUTH',
      'FAILED_PRECONDITION',
    ],
    [402, openAi(null), 'REFUSED', 'QUOTA_EXHAUSTED', 'RESOURCE_EXHAUSTED'],
    [404, openAi('model_not_found'), 'REFUSED', 'UPSTREAM_MODEL_NOT_FOUND', 'NOT_FOUND'],
    [409, openAi(null), 'REFUSED', 'UPSTREAM_INVALID_REQUEST', 'INVALID_ARGUMENT'],
    [413, openAi(null), 'REFUSED', 'UPSTREAM_INVALID_REQUEST', 'INVALID_ARGUMENT'],
    [429, openAi('rate_limit_exceeded'), 'REFUSED', 'RATE_LIMITED', 'RESOURCE_EXHAUSTED'],
    [429, openAi('insufficient_quota'), 'REFUSED', 'QUOTA_EXHAUSTED', 'RESOURCE_EXHAUSTED'],
    [
      429,
      { error: { type: 'credit_balance_exhausted', message: 'x' } },
      'REFUSED',
      'QUOTA_EXHAUSTED',
      'RESOURCE_EXHAUSTED',
    ],
    [500, openAi('server_error'), 'UNKNOWN', 'UPSTREAM_UNAVAILABLE', 'UNAVAILABLE'],
    [503, openAi('server_is_overloaded'), 'REFUSED', 'UPSTREAM_UNAVAILABLE', 'UNAVAILABLE'],
    [503, null, 'UNKNOWN', 'UPSTREAM_UNAVAILABLE', 'UNAVAILABLE'],
    [524, null, 'UNKNOWN', 'UPSTREAM_UNAVAILABLE', 'UNAVAILABLE'],
    [408, null, 'UNKNOWN', 'UPSTREAM_OUTCOME_UNKNOWN', 'UNKNOWN'],
    [307, null, 'FAILED', 'UPSTREAM_INVALID_RESPONSE', 'INTERNAL'],
    [200, openAi('invalid_value'), 'FAILED', 'UPSTREAM_INVALID_REQUEST', 'INVALID_ARGUMENT'],
    [200, { error: { code: 8, message: 'quota' } }, 'FAILED', 'RATE_LIMITED', 'RESOURCE_EXHAUSTED'],
    [200, { error: { code: 14, message: 'busy' } }, 'FAILED', 'UPSTREAM_UNAVAILABLE', 'UNAVAILABLE'],
    [200, { error: { code: 13, message: 'oops' } }, 'FAILED', 'UPSTREAM_FAILED', 'INTERNAL'],
    [
      200,
      { error: { code: 3, message: 'Не могу сгенерировать, выберите другую тему' } },
      'FAILED',
      'CONTENT_REFUSED',
      'INVALID_ARGUMENT',
    ],
  ])('sorts %i %j as %s, %s', (status, json, certainty, reason, rpcStatus) => {
    expect(sort(status, json)).toMatchObject({ certainty, reason, status: rpcStatus })
  })

  test('tells the stage and the categories of a refusal', () => {
    const details = { moderation_stage: 'output', categories: ['violence'] }
    expect(sort(400, openAi('moderation_blocked', 'No.', { moderation_details: details }))).toMatchObject({
      certainty: 'FAILED',
      retryable: false,
      details: [{ stage: 'output', categories: ['violence'] }],
    })
    expect(
      sort(400, openAi('moderation_blocked', 'Rejected. safety_violations=[sexual, self-harm].')).details,
    ).toEqual([{ stage: null, categories: ['sexual', 'self-harm'] }])
  })

  test.each([
    ['OpenAI', { error: { message: 'Bad size', code: 'invalid_value' } }],
    ['a text as error (sd.cpp)', { error: 'Bad size' }],
    ['a code as error (sd.cpp)', { error: 'server_error', message: 'Bad size' }],
    ['a text as detail (vLLM)', { detail: 'Bad size' }],
    [
      'a list as detail (FastAPI)',
      { detail: [{ loc: ['body', 'size'], msg: 'Bad size', type: 'value_error' }] },
    ],
    ['google.rpc.Status', { code: 3, message: 'Bad size', details: [] }],
    ['TokenOps, with a number as code', { error: { code: 40001, message: 'Bad size', details: [{}] } }],
    ['a list', [{ error: { message: 'Bad size' } }]],
    [
      'JSON within the message',
      {
        error: {
          message: 'litellm.BadRequestError: {"error":{"message":"Bad size","code":"invalid_value"}}',
        },
      },
    ],
  ])("finds the words of %s's error", (_, json) => {
    expect(sort(400, json).message).toBe('The provider did not accept the request: Bad size')
  })

  test('keeps the upstream code as a text', () => {
    expect(sort(400, { error: { code: 40001, message: 'x' } }).upstreamCode).toBe('40001')
    expect(sort(400, { error: { type: 'new_api_error', message: 'x' } }).upstreamCode).toBe('new_api_error')
  })

  test('strips HTML and shortens', () => {
    const html = `<html><style>p{}</style><h1>Bad &amp; ugly</h1>${'x'.repeat(5000)}</html>`
    const { message } = sort(400, undefined, { text: html })
    expect(message).toMatch(/^The provider did not accept the request: Bad &amp; ugly x+$/)
    expect(message.length).toBeLessThan(400)
  })

  test('shows neither keys, nor addresses, nor the prompt', () => {
    const message = `Incorrect key ${key} or sk-abc*****xyz9 of org-12345678, see https://example.com/x?token=1`
    expect(sort(400, openAi('x', message)).message).toBe(
      'The provider did not accept the request: Incorrect key … or … of …, see …',
    )
    expect(sort(400, openAi('x', `No ${plainKey} here`)).message).toBe(
      'The provider did not accept the request: No … here',
    )
    const echo = sort(400, openAi('x', 'Cannot draw "red rose on a white" today'))
    expect(echo.message).toBe('The provider did not accept the request.')
  })

  test.each([
    [{ 'retry-after-ms': '1500.2', 'retry-after': '9' }, 1501],
    [{ 'retry-after': '1' }, 1000],
    [{ 'retry-after': '3600' }, 3_600_000],
    [{ 'retry-after': 'Sat, 21 Nov 2026 12:00:30 GMT' }, 30_000],
    [{ 'retry-after': 'Sat, 21 Nov 2026 11:00:00 GMT' }, 0],
    [{ 'retry-after': 'abc' }, null],
    [{ 'retry-after': '-5' }, null],
    [{}, null],
  ])('reads %j as a wait of %j ms', (headers, expected) => {
    expect(parseRetryAfter(headers as Record<string, string>, today)).toBe(expected)
    expect(sort(429, null, { headers: headers as Record<string, string> }).retryAfterMs).toBe(expected)
  })
})
