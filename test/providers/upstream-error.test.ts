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

  test.each([
    [400, { error: { code: 'contentFilter', message: 'No.' } }, []],
    [
      400,
      {
        error: {
          code: 'content_filter',
          message: 'No.',
          inner_error: {
            code: 'ResponsibleAIPolicyViolation',
            content_filter_result: { sexual: { filtered: true }, hate: { filtered: false } },
          },
        },
      },
      ['sexual'],
    ],
    [
      400,
      {
        error: {
          code: 'content_policy_violation',
          message: 'No.',
          innererror: { content_filter_results: { jailbreak: { filtered: true, detected: true } } },
        },
      },
      ['jailbreak'],
    ],
    [400, { error: { code: 'InputTextSensitiveContentDetected.PolicyViolation', message: 'No.' } }, []],
    [400, { code: 'DataInspectionFailed', message: 'No.', request_id: 'r' }, []],
    [400, openAi('data_inspection_failed'), []],
    [422, openAi('nsfw_content_detected'), []],
    [
      400,
      [{ error: { code: 400, status: 'INVALID_ARGUMENT', message: 'See Responsible AI practices' } }],
      [],
    ],
    [400, { code: 'invalid argument', error: 'image rejected by content moderation' }, []],
    [403, { code: 'forbidden', error: 'Content violates usage guidelines.' }, []],
    [400, { error: 'the prompt is inappropriate' }, []],
    [
      403,
      { error: { code: 403, message: 'flagged', metadata: { reasons: ['violence'], flagged_input: 'x' } } },
      ['violence'],
    ],
  ])('takes %i %j for a refusal of content', (status, json, categories) => {
    expect(sort(status, json)).toMatchObject({
      certainty: 'REFUSED',
      reason: 'CONTENT_REFUSED',
      details: [{ categories }],
    })
  })

  test.each([
    [400, { error: { code: 'OutputImageSensitiveContentDetected', message: 'No.' } }],
    [400, { code: 'DataInspectionFailed', message: 'Output data may contain inappropriate content.' }],
  ])('takes %i %j for a refusal of an image that was made', (status, json) => {
    expect(sort(status, json)).toMatchObject({ certainty: 'FAILED', reason: 'CONTENT_REFUSED' })
  })

  test.each([
    [400, openAi('invalid_image_file', 'Bad image', { type: 'image_generation_user_error' })],
    [400, openAi('invalid_mask_image_format', 'Bad mask', { type: 'image_generation_user_error' })],
    [400, openAi(null, 'Bad image', { type: 'image_generation_user_error' })],
    [400, openAi('unknown_parameter', "Unknown parameter: 'moderation'.")],
    [400, { error: 'Argument not supported: moderation' }],
    [422, { detail: [{ loc: ['body'], msg: 'moderation: Extra inputs are not permitted' }] }],
  ])('takes %i %j for a fault of the request, and tells its words', (status, json) => {
    const sorted = sort(status, json)
    expect(sorted).toMatchObject({ certainty: 'REFUSED', reason: 'UPSTREAM_INVALID_REQUEST' })
    expect(sorted.message).toMatch(/: (Bad|Unknown|Argument|moderation)/)
  })

  test('takes a key that is blocked for its content for no refusal of this request', () => {
    const message = 'Your resource has been temporarily blocked for its use against our content policy'
    expect(sort(403, { error: { code: 'Forbidden', message } })).toMatchObject({ reason: 'UPSTREAM_AUTH' })
  })

  test.each([
    [403, openAi('pre_consume_token_quota_failed', 'No.', { type: 'new_api_error' }), 'QUOTA_EXHAUSTED'],
    [500, openAi('insufficient_user_quota'), 'QUOTA_EXHAUSTED'],
    [400, { code: 'Arrearage', message: 'Access denied.' }, 'QUOTA_EXHAUSTED'],
    [403, { error: { code: 'AccountOverdueError', message: 'No.' } }, 'QUOTA_EXHAUSTED'],
    [403, { detail: 'User is locked. Reason: Exhausted balance.' }, 'QUOTA_EXHAUSTED'],
    [400, { code: 'invalid argument', error: 'Incorrect API key provided: sk-1234567890' }, 'UPSTREAM_AUTH'],
    [503, openAi('model_not_found', 'No available channel for model x'), 'UPSTREAM_MODEL_NOT_FOUND'],
    [503, { error: { type: 'one_api_error', message: '模型 x 无可用渠道' } }, 'UPSTREAM_MODEL_NOT_FOUND'],
    [403, openAi('model_not_found'), 'UPSTREAM_MODEL_NOT_FOUND'],
    [200, openAi('model_not_found'), 'UPSTREAM_MODEL_NOT_FOUND'],
    [400, openAi('invalid_value', 'No.', { param: 'model' }), 'UPSTREAM_MODEL_NOT_FOUND'],
    [404, { error: { code: 'DeploymentNotFound', message: 'No.' } }, 'UPSTREAM_MODEL_NOT_FOUND'],
    [
      404,
      { object: 'error', code: 404, message: 'The model `x` does not exist.' },
      'UPSTREAM_MODEL_NOT_FOUND',
    ],
    [404, { error: { code: '404', message: 'Resource not found' } }, 'UPSTREAM_MODEL_NOT_FOUND'],
  ])('takes %i %j for a fault of this provider alone: %s', (status, json, reason) => {
    const sorted = sort(status, json)
    expect(sorted).toMatchObject({ certainty: 'REFUSED', reason })
    expect(sorted.maySendElsewhere).toBe(true)
    expect(sorted.maySendAgain).toBe(false)
  })

  test.each([
    [429, { code: 'Throttling.RateQuota', message: 'No.' }, 'REFUSED', 'RATE_LIMITED'],
    [429, { code: 'Throttling.AllocationQuota', message: 'No.' }, 'REFUSED', 'RATE_LIMITED'],
    [500, openAi('load_balancer_error'), 'UNKNOWN', 'UPSTREAM_UNAVAILABLE'],
    [400, openAi(null, 'The model does not support this quality'), 'REFUSED', 'UPSTREAM_INVALID_REQUEST'],
  ])('takes %i %j for %s, %s, whatever its words look like', (status, json, certainty, reason) => {
    expect(sort(status, json)).toMatchObject({ certainty, reason })
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
