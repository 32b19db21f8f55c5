"""A flag's places in source code, and the patch that removes it.

```
scan      files -> keys -> references        all keys at once: Aho-Corasick first, then only files with hits are parsed
cleanup   seeds -> rewrite/ -> dead names    one flag, one winning variant: placeholders, folded to a fixpoint
verify    a temporary worktree               before a branch exists
```
`languages/` is the door: one file a language, which tells how its syntax tree is read. The rest knows no language.
"""
