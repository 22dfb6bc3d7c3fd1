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

if [[ "${1:-}" == "--serve" ]]; then
    dotnet docfx serve artifacts/site
fi
