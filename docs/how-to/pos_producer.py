"""A till's producer in thirty lines: sends one sale line to Standings with kafka-python.

Usage: python pos_producer.py BOOTSTRAP_SERVERS [REP_ID UNIT_ID AMOUNT_MINOR]
"""

import json
import sys
import uuid
from datetime import datetime

from kafka import KafkaProducer


def send_sale(bootstrap_servers: str, rep_id: str, unit_id: str, amount_minor: int) -> None:
    """Record a sale that happens now, and wait until Kafka has it."""
    sale_id = uuid.uuid4().hex
    data = {
        "sale_id": sale_id,
        "rep_id": rep_id,
        "unit_id": unit_id,
        "occurred_at": datetime.now().astimezone().isoformat(timespec="seconds"),
        "amount_minor": amount_minor,
        "currency": "CNY",
        "quantity": 1,
    }
    headers = {
        "ce_specversion": "1.0",
        "ce_id": f"{sale_id}/1/0",
        "ce_source": f"/pos/{unit_id}",
        "ce_type": "dev.standings.sale.recorded.v1",
        "content-type": "application/json",
    }
    producer = KafkaProducer(bootstrap_servers=bootstrap_servers, acks="all", enable_idempotence=True)
    producer.send(
        "standings.sales.v1",
        key=rep_id.encode(),
        value=json.dumps(data).encode(),
        headers=[(name, value.encode()) for name, value in headers.items()],
    ).get(timeout=30)
    producer.close()
    print(f"sent {sale_id}: {amount_minor / 100:.2f} for {rep_id} at {unit_id}")


if __name__ == "__main__":
    given = sys.argv[1:]
    servers, rep, unit, amount = given + ["127.0.0.1:9092", "rep-00002", "store-0001", "129900"][len(given) :]
    send_sale(servers, rep, unit, int(amount))
