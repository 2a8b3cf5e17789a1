package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"cdss/cds/prefetch"
	"cdss/fhir/access"
	"cdss/fhir/access/launch"
	demoehr "cdss/fhir/access/launch/ehr"
	"cdss/fhir/client"
	"cdss/fhir/smart"
)

// newLaunches makes the door of SMART launches. They are kept once there is a
// database.
func newLaunches(h *house) (*launch.Door, *launch.Store) {
	store := &launch.Store{}
	return launch.New(launch.Config{
		Servers: launchServers{h}, Store: store, Now: h.now, Log: h.log,
		Person: func(r *http.Request) (smart.Person, bool) {
			if p, ok := smart.PersonFrom(r.Context()); ok {
				return p, true
			}
			l, err := h.sessions.Identify(r)
			if err != nil || l == nil || l.Limited() {
				return smart.Person{}, false
			}
			return l.Person.Smart(), true
		},
		Base: h.external,
	}), store
}

// external is the address of this server as the browser of a request sees it.
func (h *house) external(r *http.Request) string {
	if h.cfg.PublicURL != "" {
		return h.cfg.PublicURL
	}
	return "http://" + r.Host // on this machine only, see knownHost
}

// withLaunch puts the SMART launch of a browser into the context of what uses it.
func (h *house) withLaunch(next http.Handler) http.Handler {
	with := h.launches.Context(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if slices.Contains([]string{"/api/launch", "/api/recommendations", "/api/recommendations/context"}, r.URL.Path) {
			with.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// launchServers finds the registrations that people may launch from.
type launchServers struct{ h *house }

func (s launchServers) ByBase(iss string) (launch.Server, bool) {
	server, ok := s.h.trust.registry.ServerAt(iss)
	return launchServer(server), ok
}

func (s launchServers) ByName(name string) (launch.Server, bool) {
	server, ok := s.h.trust.registry.Server(name)
	return launchServer(server), ok
}

func (s launchServers) Client(of launch.Server) *http.Client {
	server, _ := s.h.trust.registry.Server(of.Name)
	return client.HTTP(client.Transport(client.TransportConfig{Allow: server.Allow}))
}

func launchServer(s access.Server) launch.Server {
	return launch.Server{Name: s.Name, Base: s.Base.String(), ClientID: s.ClientID, Plain: s.Base.Plain()}
}

// launched reads a server with the token of the launch that a request came with, where
// it has one for this server.
func (s ownServers) launched(ctx context.Context, name string) (prefetch.Reader, bool) {
	l, ok := launch.From(ctx)
	server, registered := s.h.trust.registry.Server(name)
	if !ok || !registered || l.Server != name {
		return nil, false
	}
	return fhirReader{s.h.trust.outbound, client.Call{
		Caller: "launch of " + l.Person, Server: client.Server{Name: server.Name, Base: server.Base, Allow: server.Allow},
		Credential: client.Credential{Scheme: "Bearer", Token: smart.NewToken(l.Token)},
	}}, true
}

// demoEHR plays an EHR beside a demonstration, from which the app can be launched.
func demoEHR(ctx context.Context, args []string, env environment) error {
	set := flags("demo-ehr", env)
	addr := set.String("addr", "127.0.0.1:8090", "address to listen at, on loopback")
	app := set.String("app", "http://localhost:8000", "address of the app")
	upstream := set.String("fhir", "http://localhost:8000/fhir", "FHIR server that holds the patients")
	patients := set.String("patients", "example-cap-anaphylaxis", "ids of patients, separated by commas")
	id := set.String("client-id", "cdss", "client id of the app")
	if err := parse(set, args, 0, 0); err != nil {
		return err
	}
	to, err := url.Parse(*upstream)
	if err != nil || !loopback(*addr) {
		return usagef("demo-ehr listens on loopback, and --fhir is an address")
	}
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		return fmt.Errorf("listen at %s: %w", *addr, err)
	}
	base := "http://" + strings.Replace(listener.Addr().String(), "127.0.0.1", "localhost", 1)
	server := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: demoehr.New(demoehr.Config{
		Base: base, App: strings.TrimSuffix(*app, "/"), Upstream: to, ClientID: *id, Patients: strings.Split(*patients, ","),
	})}
	fmt.Fprintf(env.out, "demo EHR at %s\nregister it: cdss server add demo-ehr %s/fhir --client-id %s --plain-http --allow 127.0.0.0/8\n", base, base, *id)
	stopped := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stopped()
	if err := server.Serve(listener); err != http.ErrServerClosed {
		return fmt.Errorf("serve the demo EHR: %w", err)
	}
	return nil
}
