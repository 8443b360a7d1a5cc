output "machines" {
  description = "Id, address and role of each machine."
  value = {
    for name, machine in local.machines : name => {
      id      = hcloud_server.this[name].id
      address = hcloud_server.this[name].ipv4_address
      role    = machine.role
    }
  }
}

output "ingress" {
  description = "Addresses of the load balancer: where the site's names must lead to."
  value = {
    ipv4 = hcloud_load_balancer.ingress.ipv4
    ipv6 = hcloud_load_balancer.ingress.ipv6
  }
}

output "manifest" {
  description = "Cloud controller, CSI driver and cert-manager, with the token: input `additional_manifest` of rancher-cluster. Known before any machine is."
  value       = module.charts.manifests
  sensitive   = true
}

output "chart_values" {
  description = "Input `chart_values` of rancher-cluster: pods' traffic goes over the private network, which the firewall passes by."
  value = yamlencode({
    rke2-calico = { installation = { calicoNetwork = { nodeAddressAutodetectionV4 = { kubernetes = "NodeInternalIP" } } } }
  })
}
