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
