//go:build tools

// Package calico pins the programs that enforce NetworkPolicy on the local cloud's machines.
package calico

import (
	_ "github.com/projectcalico/calico/cni-plugin/cmd/calico"
	_ "github.com/projectcalico/calico/felix/cmd/calico-felix"
)
