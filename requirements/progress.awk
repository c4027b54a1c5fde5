# Turns pip's chatter into one line that counts packages; on a pipe, a line every twenty of them.
BEGIN { terminal = system("test -t 1 2>/dev/null") == 0 }
/^(Collecting|Requirement already satisfied)/ {
  count++
  name = $0; sub(/^(Collecting|Requirement already satisfied:) /, "", name); sub(/[ =;].*/, "", name)
  if (terminal) printf "\r\033[K  %d of %d packages: %s", count, total, name
  else if (count % 20 == 0) printf "  %d of %d packages\n", count, total
  fflush()
}
/^Installing/ { if (terminal) printf "\r\033[K"; printf "  unpacking %d packages …\n", count; fflush() }
/^(ERROR|error)/ { print }
