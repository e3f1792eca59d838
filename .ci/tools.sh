# The outside tools that `npm run test:clients` and `npm run conformance` drive. Sourced by .ci/run.
# Debian's packages, and Go programs at pinned versions; both are left alone where they are there.

tools_bin="${XDG_CACHE_HOME:-$HOME/.cache}/sluice/tools"
export PATH="$tools_bin:$PATH"

debian_packages=(skopeo podman buildah umoci docker.io containerd docker-registry redis-server chromium openssl uidmap fuse-overlayfs)

go_programs=(
  github.com/opencontainers/distribution-spec/conformance@v0.0.0-20260831232431-97274622c111
  github.com/google/go-containerregistry/cmd/crane@v0.22.1
  oras.land/oras/cmd/oras@v1.3.6
  github.com/regclient/regclient/cmd/regctl@v0.11.7
  helm.sh/helm/v3/cmd/helm@v3.22.0
  github.com/sigstore/cosign/v3/cmd/cosign@v3.1.3
  github.com/versity/versitygw/cmd/versitygw@v1.8.0
  github.com/distribution/distribution/v3/cmd/registry@v3.1.2
)

# A registry that does not answer once is asked twice more.
patiently() {
  "$@" || { sleep 5 && "$@"; } || { sleep 20 && "$@"; }
}

install_debian() {
  local missing=()
  for name in "${debian_packages[@]}"; do
    dpkg-query -W -f='${Status}' "$name" 2>/dev/null | grep -q 'install ok installed' || missing+=("$name")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  patiently apt-get update -q >/dev/null
  DEBIAN_FRONTEND=noninteractive patiently apt-get install -q -y --no-install-recommends "${missing[@]}" >/dev/null
}

install_go() {
  mkdir -p "$tools_bin"
  for program in "${go_programs[@]}"; do
    local path="${program%@*}" name version
    name="$(basename "$path")"
    version="${program##*@}"
    # The version is kept beside the binary: raising it above is all that an update takes.
    [ -x "$tools_bin/$name" ] && [ "$(cat "$tools_bin/.$name" 2>/dev/null)" = "$version" ] && continue
    echo "installing $name $version"
    GOBIN="$tools_bin" GOTOOLCHAIN=local CGO_ENABLED=0 patiently go install "$program" || return 1
    printf '%s' "$version" >"$tools_bin/.$name"
  done
}
