import { describe, expect, test } from 'vitest'
import { isLoopback, isLoopbackAuthority } from '../src/loopback.ts'

describe('this machine', () => {
  test.each([
    '127.0.0.1',
    '127.9.8.7',
    '::1',
    '[::1]',
    '0:0:0:0:0:0:0:1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
  ])('is the address %s', (address) => expect(isLoopback(address)).toBe(true))

  test.each(['localhost', 'LOCALHOST', 'localhost.', 'easel.localhost', 'a.b.localhost.'])(
    'is the name %s',
    (name) => expect(isLoopback(name)).toBe(true),
  )

  test.each([
    '',
    '0.0.0.0',
    '::',
    '10.0.0.1',
    '128.0.0.1',
    '127.0.0.1.evil.example',
    '127.0.0.256',
    'evil.example',
    'localhost.evil.example',
    'notlocalhost',
    '.localhost',
    'evil.example@localhost',
    'evil.example/localhost',
    '::ffff:10.0.0.1',
    '::1%eth0',
  ])('is not "%s"', (host) => expect(isLoopback(host)).toBe(false))

  test('is found in a header Host with a port and without', () => {
    const own = ['localhost:4000', '127.0.0.1', '127.0.0.1:', '[::1]:4000', '[::1]', 'easel.localhost.:80']
    expect(own.filter((host) => !isLoopbackAuthority(host))).toEqual([])
    const others = [
      '',
      ':4000',
      'evil.example:4000',
      'localhost, evil.example',
      'evil@localhost',
      '::1',
      '[]',
    ]
    expect(others.filter(isLoopbackAuthority)).toEqual([])
  })
})
