// Command terraform-provider-localcloud lets Terraform and OpenTofu order clusters, machines and volumes of the local cloud.
package main

import (
	_ "github.com/hashicorp/terraform-plugin-framework/providerserver"
)

func main() {}
