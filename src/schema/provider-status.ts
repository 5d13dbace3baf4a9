import type { ProviderStatus as Status } from '../providers/providers.ts'
import { builder } from './builder.ts'

const ProviderState = builder.enumType('ProviderState', {
  description: 'Whether calls of a provider start.',
  values: {
    HEALTHY: { description: 'Calls start at once.' },
    WAITING: { description: 'It asked to be left alone until a time.' },
    OPEN: { description: 'It keeps failing, so its calls pause. After the pause one call is the trial.' },
    FAULTY: {
      description:
        'It refused for its key, its credit or a missing model. Other providers of the model are asked first.',
    },
  } as const satisfies Record<Status['state'], object>,
})

const ProviderFault = builder.objectRef<Status['faults'][number]>('ProviderFault').implement({
  description: 'What an operator has to mend at a provider. It is gone with the next call that succeeds.',
  fields: (t) => ({
    reason: t.exposeString('reason', { description: 'As `OperationError.reason`.' }),
    model: t.exposeString('model', {
      nullable: true,
      description: "The model that it does not have. Null where the fault is the whole provider's.",
    }),
    since: t.expose('since', { type: 'DateTime', description: 'When it was first seen.' }),
  }),
})

const ProviderStatus = builder.objectRef<Status>('ProviderStatus').implement({
  description: 'How a provider is doing, as the process that answers knows it.',
  fields: (t) => ({
    name: t.exposeString('name', { description: "The provider's name in the configuration." }),
    state: t.expose('state', { type: ProviderState, description: 'Whether its calls start.' }),
    reason: t.exposeString('reason', {
      nullable: true,
      description: 'Why it is not healthy, as `OperationError.reason`.',
    }),
    failures: t.exposeInt('failures', { description: 'Its failures in a row.' }),
    since: t.expose('since', { type: 'DateTime', description: 'Since when it is in this state.' }),
    until: t.expose('until', {
      type: 'DateTime',
      nullable: true,
      description: 'No call starts before. Null where calls may start.',
    }),
    faults: t.expose('faults', { type: [ProviderFault], description: 'What an operator has to mend.' }),
  }),
})

builder.queryField('providers', (t) =>
  t.field({
    type: [ProviderStatus],
    authScopes: { admin: true },
    description: 'How every provider is doing, in the order of the configuration. For admins.',
    resolve: (_, __, { providers }) => providers.statuses(),
  }),
)
