#!/bin/sh
# prepare.sh go|build|run|test: look for what a command needs. What the distribution can give is
# installed where it may be (Debian or Ubuntu, as root); everything else that is missing is
# named, each in a line, and the command stops. Finding everything takes a fraction of a second.
#
#   go     Go, enough to build and test without the web apps
#   build  Go and Node
#   run    the same, and PostgreSQL with a way to pgvector
#   test   the same, and a browser
set -eu

go_needed=1.26
node_needed=20.19
missing='' # lines for people

miss() { missing="$missing  $1
"; }
have() { command -v "$1" >/dev/null 2>&1; }
may_install() { [ "$(id -u)" -eq 0 ] && have apt-get; }

# at_least A B: is version A at least B, compared by major and minor number?
at_least() {
	a_major=${1%%.*}; a_rest=${1#*.}; a_minor=${a_rest%%[!0-9]*}
	b_major=${2%%.*}; b_minor=${2#*.}
	[ "$a_major" -gt "$b_major" ] || { [ "$a_major" -eq "$b_major" ] && [ "${a_minor:-0}" -ge "$b_minor" ]; }
}

need_go() {
	if ! have go; then
		miss "Go $go_needed or newer, in PATH as go"
		return 0
	fi
	# Outside the module, or an older Go would fetch a newer one instead of saying its version.
	version=$(cd / && GOTOOLCHAIN=local go env GOVERSION)
	at_least "${version#go}" "$go_needed" || miss "Go $go_needed or newer ($(command -v go) is ${version#go})"
}

need_node() {
	if ! have node || ! have npm; then
		miss "Node $node_needed or newer with npm, in PATH"
		return 0
	fi
	version=$(node --version)
	at_least "${version#v}" "$node_needed" || miss "Node $node_needed or newer ($(command -v node) is ${version#v})"
}

# install PACKAGE...: from the distribution, or name them. Its chatter is shown when it fails.
install() {
	if ! may_install; then
		miss "package $* (Debian, Ubuntu: apt-get install $*)"
		return 0
	fi
	echo "Installing from the distribution: $*"
	update
	said=$(DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 install --no-install-recommends "$@" 2>&1) && return 0
	printf '%s\n' "$said" >&2
	miss "package $* (installing it did not work, see above)"
}

updated=''
update() {
	[ -n "$updated" ] || apt-get -qq update
	updated=1
}

find_postgres() { [ -n "${CDSS_POSTGRES_BIN:-}" ] || have postgres || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1; }

# pgvector 0.8 or newer beside a server.
find_pgvector() { grep -qs "^default_version = '\(0\.[89]\|0\.[1-9][0-9]\|[1-9]\)" /usr/share/postgresql/*/extension/vector.control; }

need_postgresql() {
	if ! find_postgres; then
		if may_install; then
			# The package would start a server on port 5432, which nobody asked for.
			mkdir -p /etc/postgresql-common/createcluster.d
			echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.d/cdss.conf
		fi
		install postgresql
	fi
	if find_pgvector || { have gcc && have make && [ -e /usr/include/stdlib.h ]; }; then
		return 0 # where it is absent, cdss builds it once
	fi
	if may_install; then
		# A recent distribution packages it for its server, which spares compiler and build.
		update
		for binary in /usr/lib/postgresql/*/bin/postgres; do
			major=${binary#/usr/lib/postgresql/}; major=${major%%/*}
			case "$(apt-cache show "postgresql-$major-pgvector" 2>/dev/null | sed -n 's/^Version: //p')" in
			0.[89].*|0.[1-9][0-9].*|[1-9]*) install "postgresql-$major-pgvector" ;;
			esac
		done
		! find_pgvector || return 0
	fi
	install gcc libc6-dev make
}

need_browser() { have chromium || have chromium-browser || have google-chrome || install chromium; }

# Two PDF files of more than a hundred pages, for a test that is skipped without them.
want_documents() {
	[ ! -e /usr/share/developers-reference/de/developers-reference.pdf ] && may_install || return 0
	needed=$missing
	install developers-reference developers-reference-de
	missing=$needed
}

case "${1:-}" in
go) need_go ;;
build)
	need_go
	need_node
	;;
run)
	need_go
	need_node
	[ -n "${DATABASE_URL:-}" ] || need_postgresql
	;;
test)
	need_go
	need_node
	[ -n "${TEST_DATABASE_URL:-}" ] || need_postgresql
	need_browser
	want_documents
	;;
*)
	echo 'usage: prepare.sh go|build|run|test' >&2
	exit 2
	;;
esac
have git || miss git
if [ -n "$missing" ]; then
	printf 'This is missing:\n%s' "$missing" >&2
	exit 1
fi
