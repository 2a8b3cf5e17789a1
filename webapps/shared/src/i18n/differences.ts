type Tree = { [key: string]: string | Tree }

function leaves(tree: Tree, path = ''): [string, string][] {
  return Object.entries(tree).flatMap(([key, value]) =>
    typeof value === 'string' ? [[`${path}${key}`, value] as [string, string]] : leaves(value, `${path}${key}.`),
  )
}

const values = (text: string) => [...text.matchAll(/\{\{(\w+)\}\}/g)].map((m) => m[1]).sort().join()

/** For tests: names of texts that are missing, empty or hold other values in one of the languages. */
export function differences(de: Tree, en: Tree): string[] {
  const english = new Map(leaves(en))
  const german = new Map(leaves(de))
  const names = new Set([...german.keys(), ...english.keys()])
  return [...names].filter((name) => {
    const [a, b] = [german.get(name), english.get(name)]
    return !a?.trim() || !b?.trim() || values(a) !== values(b)
  })
}
