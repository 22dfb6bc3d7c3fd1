#!/usr/bin/env bash
# What a new user does, from packages to images: eng/journey.sh [--short] [--feed FOLDER --version VERSION] [--photos FOLDER] [--keep FOLDER]
# It installs the tool from packed packages into an empty folder, trains on a folder of photos for two minutes (--short: five steps), opens
# the page of the run in a browser if chromium is installed, samples, exports to diffusers and reads that back. Without --feed it packs.
set -euo pipefail
repository="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
short=false feed='' version='' photos="$repository/docs/images" work=''
while (( $# > 0 )); do
    case "$1" in
        --short) short=true ;;
        --feed) feed="$2"; shift ;;
        --version) version="$2"; shift ;;
        --photos) photos="$2"; shift ;;
        --keep) work="$2"; shift ;;
        *) echo "Unknown argument: $1. Use --short, --feed, --version, --photos or --keep." >&2; exit 2 ;;
    esac
    shift
done

if [[ -z "$work" ]]; then
    work="$(mktemp -d)"
    trap 'rm -rf "$work"' EXIT
fi

mkdir -p "$work"
cd "$work"
step() { echo "[$SECONDS s] $*"; }

if [[ -z "$feed" ]]; then
    feed="$work/feed" version="0.1.0-journey.$(date +%s)"
    step "pack $version"
    dotnet pack -c Release "$repository/src/Diffusion.Tool" -o "$feed" "-p:Version=$version" -v quiet
fi

step "install the tool"
dotnet tool install Diffusion.Tool --tool-path tool --add-source "$feed" --version "$version" > install.log || { cat install.log; exit 1; }
diffusion="$work/tool/diffusion"
[[ -n "${DIFFUSION_LIBTORCH:-}" ]] || "$diffusion" doctor --install cpu
"$diffusion" doctor

if $short; then
    size=8 steps=5 images=4 calls=2 limit=00:05:00 every=5
else
    size=32 steps=1000000 images=16 calls=20 limit=00:02:00 every=100
fi

cat > photos.yaml << END
device: cpu
data: { path: "$photos", size: $size }
network: { classes: false }
training:
  steps: $steps
  batchSize: 16
  timeLimit: "$limit"
  schedule: rectifiedFlow
  objective: { prediction: flow }
  learningRate: { peak: 1e-3 }
  reportEverySteps: 5
report: { everySteps: $every, samples: $images, steps: $calls }
END

step "train"
"$diffusion" train photos.yaml > train.log || { cat train.log; exit 1; }
tail -n 3 train.log

step "report"
"$diffusion" report runs/photos --out report.html
browser="$(command -v chromium || command -v chromium-browser || true)"
if ! $short && [[ -n "$browser" ]]; then
    for width in 390 1200; do
        "$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars "--window-size=$width,2400" \
            "--screenshot=$work/report-$width.png" "file://$work/report.html" > browser.log 2>&1 || { cat browser.log; exit 1; }
        test "$(stat -c %s "report-$width.png")" -gt 20000 || { echo "The page is empty at a width of $width pixels."; exit 1; }
    done
    step "the page opened at 390 and 1200 pixels"
else
    step "the page was not opened: $($short && echo 'the short form has no browser' || echo 'chromium is not installed')"
fi

step "sample, export, read back"
"$diffusion" sample runs/photos --count "$images" --sampler ddim --steps "$calls" --seed 7 --device cpu --out samples.png
"$diffusion" export runs/photos pipeline
"$diffusion" import pipeline > import.log || { cat import.log; exit 1; }
"$diffusion" sample pipeline --count "$images" --sampler ddim --steps "$calls" --seed 7 --device cpu --out again.png
cmp samples.png again.png || { echo "The exported model samples other images than the run."; exit 1; }
step "done: the run and its export sample the same images"
