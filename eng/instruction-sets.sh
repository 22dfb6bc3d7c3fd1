#!/usr/bin/env bash
# Runs tests with the instruction sets of older and other processors: eng/instruction-sets.sh [PROJECT ...], after dotnet build -c Release.
# Each library beneath libtorch has a variable of its own (ATen's kernels, oneDNN's convolutions, MKL's matrix products): a processor lacks
# an instruction set for all of them, so each run sets all three.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

projects=("$@")
(( ${#projects[@]} > 0 )) || projects=(tests/Diffusion.*.Tests)
settings=(
    "ATEN_CPU_CAPABILITY=default ONEDNN_MAX_CPU_ISA=SSE41 MKL_ENABLE_INSTRUCTIONS=SSE4_2"
    "ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 MKL_ENABLE_INSTRUCTIONS=AVX2"
    "ATEN_CPU_CAPABILITY=avx512 ONEDNN_MAX_CPU_ISA=AVX512_CORE MKL_ENABLE_INSTRUCTIONS=AVX512"
)
log="$(mktemp)"
trap 'rm -f "$log"' EXIT
table=()
status=0
for setting in "${settings[@]}"; do
    read -ra variables <<< "$setting"
    for project in "${projects[@]}"; do
        env "${variables[@]}" dotnet test -c Release --no-build --project "$project" --no-ansi > "$log" 2>&1
        code=$?
        (( code == 0 )) || { status=1; grep -A 3 '^failed' "$log"; }
        counts="$(awk -F: '/^ *(succeeded|failed|skipped):/ { gsub(/ /, ""); printf "%s %s  ", $1, $2 }' "$log")"
        table+=("$(printf '%-90s %-30s exit %s  %s' "$setting" "$(basename "$project")" "$code" "$counts")")
        echo "${table[-1]}"
    done
done

printf '%s\n' '' "${table[@]}"
exit "$status"
