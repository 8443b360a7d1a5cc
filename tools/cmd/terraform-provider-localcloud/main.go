// Command terraform-provider-localcloud lets Terraform and OpenTofu order clusters, machines and volumes of the
// local cloud, in the same way as from any other cloud.
package main

import (
	"context"
	"log"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
)

const address = "registry.opentofu.org/omegaml/localcloud"

func main() {
	if err := providerserver.Serve(context.Background(), newProvider, providerserver.ServeOpts{Address: address}); err != nil {
		log.Fatal(err)
	}
}
