import type { StorageUse } from '../images/images.ts'
import { builder } from './builder.ts'
import { User } from './user.ts'

const UserStorage = builder.objectRef<StorageUse>('UserStorage').implement({
  authScopes: ({ userId }) => ({ self: userId }),
  description:
    'What the images that are kept for a user take: its inputs, masks, partial images and results. Uploads beyond the limit are refused with `USER_STORAGE_FULL`; results are kept in any case.',
  fields: (t) => ({
    bytes: t.expose('bytes', { type: 'BigInt', description: 'Bytes of all of them.' }),
    images: t.exposeInt('images', { description: 'How many there are.' }),
    limit: t.field({
      type: 'BigInt',
      nullable: true,
      description: 'How many bytes they may take. Null: any number.',
      resolve: ({ limit }) => (limit === null ? null : BigInt(limit)),
    }),
  }),
})

builder.prismaObjectFields(User, (t) => ({
  storage: t.field({
    type: UserStorage,
    authScopes: ({ id }) => ({ self: id }),
    description: 'What its images take. `deleteOperation` makes room.',
    resolve: ({ id }, _, { loaders }) => loaders.storageUse.load(id),
  }),
}))
