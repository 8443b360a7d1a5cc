package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// newClient opens no connection yet. A token never travels in the clear: http is for this computer's loopback only.
func newClient(endpoint, token, caCertificate string) (*client, error) {
	parsed, err := url.Parse(endpoint)
	if err != nil {
		return nil, fmt.Errorf("endpoint %q is not a URL: %w", endpoint, err)
	}
	transport := &http.Transport{}
	base := strings.TrimSuffix(endpoint, "/")
	switch parsed.Scheme {
	case "unix":
		if !strings.HasPrefix(parsed.Path, "/") || parsed.Host != "" {
			return nil, fmt.Errorf("endpoint %q: after unix:// comes the absolute path of the socket", endpoint)
		}
		base = "http://localcloud"
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", parsed.Path)
		}
	case "https":
		if transport.TLSClientConfig, err = trust(caCertificate); err != nil {
			return nil, err
		}
	case "http":
		if address := net.ParseIP(parsed.Hostname()); address == nil || !address.IsLoopback() {
			return nil, fmt.Errorf("endpoint %q: plain http is for a loopback address only, use https", endpoint)
		}
	default:
		return nil, fmt.Errorf("endpoint %q: use unix:///path/api.sock or https://host:port", endpoint)
	}
	return &client{
		http:  &http.Client{Transport: transport},
		base:  base,
		token: token, timeout: defaultTimeout, poll: 250 * time.Millisecond, patience: 15 * time.Second,
	}, nil
}

func trust(caCertificate string) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if caCertificate == "" {
		return config, nil
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM([]byte(caCertificate)) {
		return nil, fmt.Errorf("ca_certificate holds no PEM certificate")
	}
	return config, nil
}
