output "kubeconfig" {
  description = "Of the cluster's administrator."
  value       = localcloud_cluster.this.kubeconfig
  sensitive   = true
}

output "api_server" {
  value = localcloud_cluster.this.api_server
}

output "ca" {
  description = "PEM of the cluster's authority."
  value       = localcloud_cluster.this.ca
}

output "registry" {
  description = "The site's image registry: where this computer pushes, where the machines pull."
  value = {
    push = localcloud_cluster.this.registry_push
    pull = localcloud_cluster.this.registry_pull
  }
}

output "dns" {
  description = "Address of the cluster's DNS server."
  value       = localcloud_cluster.this.dns
}

output "gateway" {
  description = "Where the engine inside the cluster orders machines and volumes."
  value = {
    url = localcloud_cluster.this.gateway_url
    ca  = localcloud_cluster.this.gateway_ca
  }
}

output "machines" {
  description = "Address, role and state of each machine."
  value = {
    for name, machine in localcloud_machine.this : name => {
      address = machine.address
      role    = machine.role
      state   = machine.state
    }
  }
}
