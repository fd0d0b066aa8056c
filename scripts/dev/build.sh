# shellcheck shell=bash
# Builds the programs, and keeps a copy of the running ones: a later build must not replace the files of running programs.

readonly STAGED=(ShardRouter ShardAdmin)

build() { # build SOLUTION: quiet unless it fails
  step
  if ! (cd "$ROOT" && dotnet build "$1" -c Release -v q -nologo >"$LOGS/build.log" 2>&1 9>&-); then
    tail_of "$LOGS/build.log"
    die "$EXIT_FAILED" "the build failed; its whole output is in $LOGS/build.log"
  fi
  step_done build "$1"
}

build_command() {
  (($# == 0)) || usage_error "build takes no arguments, not '$*'"
  config_load
  mkdir -p "$LOGS"
  build_all
  # A cluster that runs keeps its programs until the next up. What ./dev admin runs need not wait for that.
  [[ ! -d $STATE/bin ]] || stage_program ShardAdmin
}

build_all() { # builds the whole solution with its tests, and publishes the programs
  build Sharding.sln
  build_programs
}

build_programs() {
  local stamp=$ROOT/.dev/built started
  # A build takes seconds even if nothing has changed; this check takes none.
  ! programs_current || return 0
  started=$(mktemp "$ROOT/.dev/built.XXXXXX") # files that are saved during the build count as newer
  program_inputs >"$started"
  publish_programs
  mv "$started" "$stamp"
}

program_inputs() { echo "files=$(sources | cksum)"; } # the names count too, because a file may have been deleted

programs_current() { # succeeds if the published programs were made of the present sources
  local stamp=$ROOT/.dev/built
  [[ -f $stamp && $(<"$stamp") == "$(program_inputs)" && -z $(sources -newer "$stamp") ]] && programs_exist
}

publish_programs() { # publishes machine code; if the feed has no compiler for it, programs that are compiled while they run
  step
  programs_exist || note build "the programs, for the first time; this takes some minutes"
  publish || publish_without_compiler || {
    tail_of "$LOGS/build.log"
    die "$EXIT_FAILED" "the build failed; its whole output is in $LOGS/build.log"
  }
  step_done build build/Programs.slnf
}

publish_without_compiler() { # fails if the missing compiler was not the reason
  grep -Eqi 'crossgen|readytorun|NETSDK1094|Microsoft\.(NETCore|AspNetCore)\.App\.Runtime' "$LOGS/build.log" || return 1
  echo "dev: this package feed has no compiler to machine code (Crossgen2); the programs will start more slowly" >&2
  publish -p:PublishReadyToRun=false
}

publish() {
  (cd "$ROOT" && dotnet publish build/Programs.slnf -c Release -p:CompileAhead=true "$@" -v q -nologo >"$LOGS/build.log" 2>&1 9>&-)
}

sources() { # sources [TEST...]: lists the files that the programs are made of
  # Lock files follow from the others, and the build itself may write them again.
  (cd "$ROOT" && find src samples/SampleLoader migrations build global.json .editorconfig Directory.* \
    \( -name bin -o -name obj -o -name packages.lock.json \) -prune -o -type f "$@" -print 2>/dev/null | sort) || true
}

program_of() { # program_of PROJECT: prints the published dll; nothing if it was not published
  local folder=src name=$1
  case $1 in
    ShardAdmin) name=shardadmin ;;
    SampleLoader) folder=samples ;;
  esac
  compgen -G "$ROOT/$folder/$1/bin/ahead/Release/net10.0/*/publish/$name.dll" || true
}

programs_exist() {
  local project
  for project in "${STAGED[@]}" SampleLoader; do
    [[ -n $(program_of "$project") ]] || return 1
  done
}

stage_programs() {
  local project
  programs_exist || die "$EXIT_PRECONDITION" "the programs are not built; run ./dev up without --no-build"
  mkdir -p "$STATE/bin"
  for project in "${STAGED[@]}"; do
    stage_program "$project"
  done
}

stage_program() { # stage_program PROJECT: copies it to a folder named by its content, and points .dev/bin/PROJECT there
  local source target
  source=$(dirname "$(program_of "$1")")
  target=$1-$(cat "$source"/*.dll | cksum | cut -d' ' -f1)
  if [[ ! -d $STATE/bin/$target ]]; then
    rm -rf "$STATE/bin/$target.part"
    cp -a "$source" "$STATE/bin/$target.part"
    mv "$STATE/bin/$target.part" "$STATE/bin/$target"
  fi
  ln -sfn "$target" "$STATE/bin/$1"
}

staged() { # staged PROJECT: prints the path of the staged dll, with the link resolved: a running program keeps its files
  echo "$(readlink -f "$STATE/bin/$1")/$(basename "$(program_of "$1")")"
}
