# shellcheck shell=bash
# Builds the programs, and keeps a copy of what runs: a later build must not pull files from under it.

readonly STAGED=(ShardRouter ShardAdmin)

build() { # build SOLUTION: quiet unless it fails
  step
  if ! (cd "$ROOT" && dotnet build "$1" -c Release -v q -nologo >"$LOGS/build.log" 2>&1 9>&-); then
    tail_of "$LOGS/build.log"
    die "$EXIT_FAILED" "the build failed; all of it is in $LOGS/build.log"
  fi
  step_done build "$1"
}

build_command() {
  (($# == 0)) || usage_error "build takes no arguments, not '$*'"
  config_load
  mkdir -p "$LOGS"
  build_all
}

build_all() { # tests and all, and the programs as they run
  build Sharding.sln
  build_programs
}

build_programs() {
  local stamp=$ROOT/.dev/built started
  # A build that finds nothing to do takes seconds; asking the files takes none.
  ! programs_current || return 0
  started=$(mktemp "$ROOT/.dev/built.XXXXXX") # what is saved while it builds counts as newer
  program_inputs >"$started"
  publish_programs
  mv "$started" "$stamp"
}

program_inputs() { echo "files=$(sources | cksum)"; } # names count too: a file may be gone

programs_current() { # what was published is of the sources as they are
  local stamp=$ROOT/.dev/built
  [[ -f $stamp && $(<"$stamp") == "$(program_inputs)" && -z $(sources -newer "$stamp") ]] && programs_exist
}

publish_programs() { # as machine code, or, where the feed has no compiler for that, compiled while they run
  step
  publish || publish_without_compiler || {
    tail_of "$LOGS/build.log"
    die "$EXIT_FAILED" "the build failed; all of it is in $LOGS/build.log"
  }
  step_done build build/Programs.slnf
}

publish_without_compiler() { # fails unless that was the reason
  grep -Eqi 'crossgen|readytorun|NETSDK1094|Microsoft\.(NETCore|AspNetCore)\.App\.Runtime' "$LOGS/build.log" || return 1
  echo "dev: this package feed has no compiler to machine code (Crossgen2); the programs will start more slowly" >&2
  publish -p:PublishReadyToRun=false
}

publish() {
  (cd "$ROOT" && dotnet publish build/Programs.slnf -c Release -p:CompileAhead=true "$@" -v q -nologo >"$LOGS/build.log" 2>&1 9>&-)
}

sources() { # sources [TEST...]: the files that the programs are made of
  (cd "$ROOT" && find src samples/SampleLoader migrations build global.json .editorconfig Directory.* \
    \( -name bin -o -name obj \) -prune -o -type f "$@" -print 2>/dev/null | sort) || true
}

program_of() { # program_of PROJECT: the dll that publishing leaves; nothing when it has not been published
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

stage_programs() { # copies each program to a folder named by its content, and points .dev/bin/PROJECT there
  local project source target
  programs_exist || die "$EXIT_PRECONDITION" "the programs are not built; run ./dev up without --no-build"
  mkdir -p "$STATE/bin"
  for project in "${STAGED[@]}"; do
    source=$(dirname "$(program_of "$project")")
    target=$project-$(cat "$source"/*.dll | cksum | cut -d' ' -f1)
    if [[ ! -d $STATE/bin/$target ]]; then
      rm -rf "$STATE/bin/$target.part"
      cp -a "$source" "$STATE/bin/$target.part"
      mv "$STATE/bin/$target.part" "$STATE/bin/$target"
    fi
    ln -sfn "$target" "$STATE/bin/$project"
  done
}

staged() { # staged PROJECT: the staged dll, with the link resolved, so that it stays what it was started as
  echo "$(readlink -f "$STATE/bin/$1")/$(basename "$(program_of "$1")")"
}
