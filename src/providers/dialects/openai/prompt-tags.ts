/**
 * What servers that run a model themselves take for commands in the middle of a prompt: any option of
 * stable-diffusion.cpp, or the path of a file with weights.
 */
const tags = ['<sd_cpp_extra_args>', '</sd_cpp_extra_args>', '<lora:', '<lyco:', '<hypernet:'] as const
const longest = Math.max(...tags.map(({ length }) => length))

/**
 * A prompt without them. They are taken away as their last character comes, so that what stood around one cannot join to
 * another: nothing that is returned ever holds a tag.
 */
export function withoutTags(prompt: string): string {
  const kept: string[] = []
  // By UTF-16 units, as the tags are counted.
  for (let i = 0; i < prompt.length; i += 1) {
    const char = prompt.charAt(i)
    kept.push(char)
    if (char !== '>' && char !== ':') continue
    const end = kept.slice(-longest).join('').toLowerCase()
    const tag = tags.find((each) => end.endsWith(each))
    if (tag) kept.length -= tag.length
  }
  return kept.join('')
}
