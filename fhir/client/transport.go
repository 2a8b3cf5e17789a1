package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// errDenied is the error of a connection to an address that is not allowed.
var errDenied = errors.New("the address is not allowed")

// TransportConfig of a Transport. The zero value reaches public addresses.
type TransportConfig struct {
	Allow    []netip.Prefix // besides public addresses; see ParseAllow
	Resolver *net.Resolver  // nil: the system's
	Roots    *x509.CertPool // nil: the system's
}

// Transport makes the one kind of transport everything that leaves this server
// goes through: it checks the address that is dialled after the name has been
// resolved, so that no name can lead elsewhere the second time, knows no proxy,
// and waits for nobody for long. Connections are kept per transport: registrations
// with different networks must not share one.
func Transport(c TransportConfig) *http.Transport {
	dialer := &net.Dialer{
		Timeout:  2 * time.Second,
		Resolver: c.Resolver,
		ControlContext: func(_ context.Context, network, address string, _ syscall.RawConn) error {
			target, err := netip.ParseAddrPort(address)
			if err != nil || network != "tcp4" && network != "tcp6" || Denied(target.Addr(), c.Allow) {
				return errDenied
			}
			return nil
		},
	}
	return &http.Transport{
		Proxy:                 nil,
		DialContext:           dialer.DialContext,
		TLSClientConfig:       &tls.Config{RootCAs: c.Roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   2 * time.Second,
		ResponseHeaderTimeout: 5 * time.Second,
		ExpectContinueTimeout: time.Second,
		IdleConnTimeout:       90 * time.Second,
		MaxIdleConnsPerHost:   8 * parallel, // calls come in bursts, and a handshake costs more than a connection kept

		MaxConnsPerHost:        8 * parallel,
		MaxResponseHeaderBytes: 64 << 10,
		ForceAttemptHTTP2:      true,
	}
}

// HTTP makes a client on a transport that takes a redirect for what it is, an
// answer, and follows none.
func HTTP(transport http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
