import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import type { S3Server } from '../kit/storage/ceph.ts'

export async function makeBucket({ endpoint, credentials }: S3Server, bucket: string): Promise<void> {
  const client = new S3Client({ region: 'us-east-1', endpoint, credentials, forcePathStyle: true })
  await client.send(new CreateBucketCommand({ Bucket: bucket }))
  client.destroy()
}
