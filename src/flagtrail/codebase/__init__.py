"""A flag's places in source code, and the patch that removes it.

```
scan      files -> keys -> references        all keys at once: Aho-Corasick first, then only files with hits are parsed
cleanup   seeds -> rewrite/ -> dead names    one flag, one winning variant: placeholders, folded to a fixpoint
remove    checkout -> plan -> verify -> deliver    in a worktree apart; a branch exists only when it stood the checks
review    compare                                what a branch adds to the places, and takes away
```
`languages/` is the door: one file a language, which tells how its syntax tree is read. The rest knows no language.
"""
