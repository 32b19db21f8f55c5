#!/usr/bin/env bash
# One task of the GitHub Action (action.yml): scan, review or cleanup, in the checked out repository.
set -euo pipefail

MARK='<!-- flagtrail -->'
NOTHING="$MARK
No flag comes into the code or leaves it with this pull request any more."

review() {
  local comments="repos/$GITHUB_REPOSITORY/issues/$ACTION_NUMBER/comments" comment existing status=0
  comment=$(mktemp)
  git fetch --quiet origin "refs/heads/$GITHUB_BASE_REF"
  flagtrail review FETCH_HEAD --project "$ACTION_PROJECT" --markdown ${ACTION_FAIL:+--fail-on-unknown} > "$comment" || status=$?
  if [ "$status" -ne 0 ] && [ ! -s "$comment" ]; then exit "$status"; fi # it could not look: nothing is said
  existing=$(gh api --paginate "$comments" --jq ".[] | select(.body | startswith(\"$MARK\")) | .id" | sed -n 1p) # reads all: gh may be writing
  if [ -n "$existing" ]; then
    [ -s "$comment" ] || printf '%s\n' "$NOTHING" > "$comment"
    gh api --silent --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$existing" --field "body=@$comment"
  elif [ -s "$comment" ]; then
    gh api --silent --method POST "$comments" --field "body=@$comment"
  fi
  rm -f "$comment"
  exit "$status"
}

cleanup() {
  git config user.name > /dev/null || git config user.name 'flagtrail[bot]'
  git config user.email > /dev/null || git config user.email 'flagtrail[bot]@users.noreply.github.com'
  flagtrail cleanup --project "$ACTION_PROJECT" --at "$ACTION_AT" --limit "$ACTION_LIMIT" --pr \
    ${ACTION_VERIFY:+--verify "$ACTION_VERIFY"}
}

case "${1:-}" in
  scan) flagtrail scan . --project "$ACTION_PROJECT" --upload ;;
  review) review ;;
  cleanup) cleanup ;;
  *)
    echo "flagtrail.sh: the task is scan, review or cleanup, not '${1:-}'" >&2
    exit 2
    ;;
esac
