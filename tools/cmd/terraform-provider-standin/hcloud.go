package main

import "fmt"

// cloud decides as Hetzner's API does.
func (f *filler) cloud(name string) any {
	switch name {
	case "id":
		return f.cloudID()
	case "ipv4_address", "ipv4", "ip_address":
		return fmt.Sprintf("198.18.%d.%d", f.number/250, f.number%250+1)
	case "ipv6_address", "ipv6":
		return fmt.Sprintf("2001:db8:%x::1", f.number)
	case "ipv6_network", "ip_network":
		return fmt.Sprintf("2001:db8:%x::/64", f.number)
	case "ip", "network_ip":
		return fmt.Sprintf("10.0.%d.%d", f.number/250, f.number%250+2)
	case "gateway":
		return "10.0.0.1"
	case "mac_address":
		return fmt.Sprintf("86:00:00:00:%02x:%02x", f.number/256%256, f.number%256)
	case "status":
		return "running"
	case "location":
		return f.location()
	case "datacenter":
		return f.location() + "-dc14"
	case "image":
		return "debian-12"
	case "primary_disk_size":
		return float64(80)
	case "linux_device":
		return "/dev/disk/by-id/scsi-0HC_Volume_" + f.ownNumber()
	case "fingerprint":
		return "b7:2f:30:a0:2f:6c:58:6c:21:04:58:61:ba:06:3b:2f"
	case "network_zone":
		return "eu-central"
	}
	return nil
}

func (f *filler) ownNumber() string { return fmt.Sprint(10_000_000 + f.number) }

func (f *filler) cloudID() string {
	switch f.order.kind {
	case "hcloud_server_network":
		return f.wanted("server_id") + "-" + f.networkID()
	case "hcloud_load_balancer_network":
		return f.wanted("load_balancer_id") + "-" + f.networkID()
	case "hcloud_network_subnet":
		return f.wanted("network_id") + "-" + f.wanted("ip_range")
	case "hcloud_network_route":
		return f.wanted("network_id") + "-" + f.wanted("destination")
	case "hcloud_volume_attachment":
		return f.wanted("volume_id")
	case "hcloud_load_balancer_service":
		return f.wanted("load_balancer_id") + "__" + f.wanted("listen_port")
	case "hcloud_load_balancer_target":
		return "lb-" + f.wanted("type") + "-target-" + f.wanted("server_id") + f.wanted("label_selector") + f.wanted("ip")
	case "hcloud_firewall_attachment":
		return f.wanted("firewall_id")
	}
	return f.ownNumber()
}

// A subnet's id begins with its network's.
func (f *filler) networkID() string {
	if network := f.wanted("network_id"); network != "" {
		return network
	}
	if subnet := f.held.find("hcloud_network_subnet", f.wanted("subnet_id")); subnet != nil {
		return textOf(subnet.Attributes["network_id"])
	}
	return ""
}

// A volume lies where its server is.
func (f *filler) location() string {
	if given := f.wanted("location"); given != "" {
		return given
	}
	if server := f.held.find("hcloud_server", f.wanted("server_id")); server != nil {
		return textOf(server.Attributes["location"])
	}
	return "fsn1"
}
