#!/usr/bin/env bash
# Builds the documentation as a site into artifacts/site: the .md files, and the API pages from the documentation comments.
# eng/docs.sh --serve also serves it on http://localhost:8080. A warning, such as a link that leads nowhere, is an error.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

rm -rf artifacts/site artifacts/site-api
dotnet tool restore > /dev/null
dotnet build eng/site/Site.csproj -c Release -p:RunAnalyzers=false --nologo -v quiet
dotnet docfx eng/site/docfx.json --warningsAsErrors --logLevel warning
find artifacts/site -name '*.map' -delete

# docfx only prints the name if a documentation comment refers to a member that is not public.
if grep -rno '<span class="xref">Diffusion\.[A-Za-z]*\.[^<]*' artifacts/site/api --include='*.html'; then
    echo "error: these references lead nowhere: the members are not public." >&2
    exit 1
fi

if [[ "${1:-}" == "--serve" ]]; then
    dotnet docfx serve artifacts/site
fi
