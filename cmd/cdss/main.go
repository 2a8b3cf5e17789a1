// Command cdss is the one program: the server, and what an operator does with it
// on the command line. It owns wiring and process: configuration, start and end,
// the mounts of the doors. It refuses to hold logic of its own; what it does is
// done in the rooms it wires.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"
)

// version is set when a release is built (-ldflags "-X main.version=…").
var version = "unknown"

// environment is the world of one run, so that a test starts the same program an
// operator does.
type environment struct {
	vars     []string // as os.Environ
	out, err io.Writer
	// ready, when not nil, is told the address the server listens at, as soon as it
	// does, and again with ok when everything works.
	ready func(address string, ok bool)
	// deadline, when not 0, is that of every decision: a test asks what is answered,
	// on whatever machine.
	deadline time.Duration
	// adjust, when not nil, may change the house before anything is built in it: a test
	// makes a rule fail, or the clock go on.
	adjust func(*house)
}

// usage is a mistake on the command line: exit code 2.
type usage struct{ text string }

func (u usage) Error() string { return u.text }

func usagef(format string, a ...any) error { return usage{fmt.Sprintf(format, a...)} }

// command is a subcommand.
type command struct {
	name, args, about string
	run               func(ctx context.Context, args []string, env environment) error
}

func commands() []command {
	return append([]command{
		{"serve", "", "run the server", serve},
		{"migrate", "", "bring the database to the schema of this program", migrate},
		{"ingest", "FILE|DIR", "read guidelines in and let them feed answers", ingestFiles},
		{"eval retrieval", "--corpus DIR --queries FILE --run OUT", "measure the search over guidelines", evalRetrieval},
		{"eval cases", "--dir DIR --out OUT", "run clinical cases through the pipeline", evalCases},
		{"client add", "NAME --issuer ISS --jwks-url URL|--jwks FILE", "register a CDS client", addClient},
		{"client list", "", "list the registered CDS clients", listClients},
		{"client remove", "NAME", "remove a CDS client", removeClient},
		{"server add", "NAME URL", "register a FHIR server that clients may name", addServer},
		{"server list", "", "list the registered FHIR servers", listServers},
		{"server remove", "NAME", "remove a FHIR server", removeServer},
		{"map import", "FILE.csv", "map local drug and laboratory codes to ATC, LOINC and SNOMED CT", importMap},
		{"map coverage", "", "tell which codes came that nobody can read", mapCoverage},
		{"replay", "FILE.ndjson", "run past admissions through the knowledge, offline, and report", replay},
		{"ward", "FILE.ndjson", "make up the admissions of a synthetic ward, to try a replay", makeWard},
		{"conformance", "URL", "hold any CDS service against CDS Hooks 2.0.1", checkConformance},
		{"explain", "UUID", "tell how a card came about", explain},
		{"warmup", "", "compile the reader of PDF files, so that the first upload need not", warmUp},
		{"demo-ehr", "", "play an EHR that launches the app (SMART), to try it on this machine", demoEHR},
		{"doctor", "", "look for what keeps the server from working", doctor},
		{"support-bundle", "FILE.zip", "collect what helps to find a fault, without patient data", supportBundle},
		{"backup", "FILE", "write the database into a file (pg_dump)", backup},
		{"restore", "FILE", "read such a file into a database in which nothing is (pg_restore)", restore},
		{"openapi", "", "print the description of /api (OpenAPI 3.1)", printOpenAPI},
		{"version", "", "print the version", printVersion},
	}, slices.Concat(userCommands(), auditCommands())...)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], environment{vars: os.Environ(), out: os.Stdout, err: os.Stderr})
	stop()
	os.Exit(exitCode(err, os.Stderr))
}

// exitCode says what happened: 0 ok, 1 failed, 2 usage.
func exitCode(err error, w io.Writer) int {
	var wrong usage
	switch {
	case err == nil:
		return 0
	case errors.As(err, &wrong):
		fmt.Fprintln(w, "cdss:", wrong.text)
		return 2
	}
	fmt.Fprintln(w, "cdss:", err)
	return 1
}

// run runs one subcommand. Without one it says which there are.
func run(ctx context.Context, args []string, env environment) error {
	if len(args) == 0 {
		help(env.err)
		return usagef("a subcommand is needed")
	}
	if args[0] == "-h" || args[0] == "--help" || args[0] == "help" {
		help(env.out)
		return nil
	}
	if args[0] == extractCommand {
		return extract(ctx, args[1:], env)
	}
	for _, c := range commands() {
		words := strings.Fields(c.name)
		if len(args) < len(words) || strings.Join(args[:len(words)], " ") != c.name {
			continue
		}
		err := c.run(ctx, args[len(words):], env)
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	for _, c := range commands() {
		// "cdss eval --help" asks for the subcommands of that word.
		if strings.HasPrefix(c.name, args[0]+" ") && len(args) > 1 && (args[1] == "-h" || args[1] == "--help") {
			help(env.out)
			return nil
		}
	}
	return usagef("there is no subcommand %q; cdss --help lists them", strings.Join(args[:min(len(args), 2)], " "))
}

func help(w io.Writer) {
	fmt.Fprint(w, "cdss: clinical decision support for antibiotic therapy\n\nusage: cdss SUBCOMMAND [options]\n\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-16s %s\n", c.name, c.about)
	}
	fmt.Fprint(w, "\ncdss SUBCOMMAND --help tells the options. Settings come from the environment; cdss doctor explains them.\n")
}

// flags makes the options of a subcommand, which explain themselves.
func flags(name string, env environment) *flag.FlagSet {
	set := flag.NewFlagSet("cdss "+name, flag.ContinueOnError)
	set.SetOutput(env.out)
	set.Usage = func() {
		for _, c := range commands() {
			if c.name == name {
				fmt.Fprintf(env.out, "usage: cdss %s\n\n%s\n", strings.TrimSpace(c.name+" "+c.args), c.about)
			}
		}
		options := false
		set.VisitAll(func(*flag.Flag) { options = true })
		if options {
			fmt.Fprintln(env.out, "\noptions:")
			set.PrintDefaults()
		}
	}
	return set
}

// parse reads options and checks how many arguments are left.
func parse(set *flag.FlagSet, args []string, least, most int) error {
	out, tell := set.Output(), set.Usage
	set.SetOutput(io.Discard)
	set.Usage = func() {} // else a mistake would be told twice
	err := set.Parse(args)
	set.SetOutput(out)
	switch {
	case errors.Is(err, flag.ErrHelp):
		tell()
		return err
	case err != nil:
		return usagef("%s: %s", set.Name(), err)
	case set.NArg() < least || set.NArg() > most:
		return usagef("%s: wrong number of arguments; --help tells", set.Name())
	}
	return nil
}

// programVersion gives the version that was set, or that of the sources.
func programVersion() string {
	if version != "unknown" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				return s.Value[:12]
			}
		}
	}
	return version
}

func printVersion(_ context.Context, args []string, env environment) error {
	set := flags("version", env)
	if err := parse(set, args, 0, 0); err != nil {
		return err
	}
	fmt.Fprintln(env.out, "cdss", programVersion())
	return nil
}
