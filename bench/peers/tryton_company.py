"""Makes a Tryton 8.2 company ready to sell: run with Tryton's own interpreter.

TRYTOND_DATABASE_URI names the database, which exists and is empty.
"""

import os
import subprocess
import sys
import tempfile
from decimal import Decimal
from pathlib import Path

WANTED = ["sale", "stock", "account_invoice", "account_invoice_stock"]


def initialise(uri: str) -> None:
    """Creates Tryton's tables in a process of its own, as its administrator does."""
    database = uri.rsplit("/", 1)[1]
    with tempfile.TemporaryDirectory() as folder:
        secret = Path(folder, "password")
        secret.write_text("admin")
        environment = {**os.environ, "TRYTONPASSFILE": str(secret)}
        admin = Path(sys.executable).with_name("trytond-admin")
        call = [str(admin), "-d", database, "-u", "ir", "--email", "admin@example.com", "-p"]
        subprocess.run(call, env=environment, check=True)


def furnish(uri: str) -> None:
    """Company, chart of accounts, fiscal year, customer, product and ample stock."""
    from proteus import Model, Wizard, config
    from trytond.modules.account.tests.tools import create_chart, create_fiscalyear, get_accounts
    from trytond.modules.account_invoice.tests.tools import (
        create_payment_term,
        set_fiscalyear_invoice_sequences,
    )
    from trytond.modules.company.tests.tools import create_company

    config.set_trytond(uri)
    module = Model.get("ir.module")
    module.click(module.find([("name", "in", WANTED)]), "activate")
    Wizard("ir.module.activate_upgrade").execute("upgrade")
    config.set_trytond(uri)

    real = Model.get("currency.currency")(name="Real", symbol="R$", code="BRL", rounding=Decimal("0.01"))
    real.save()
    create_company(currency=real)
    create_chart()
    set_fiscalyear_invoice_sequences(create_fiscalyear()).click("create_period")
    accounts = get_accounts()
    (cash,) = Model.get("account.journal").find([("type", "=", "cash")], limit=1)
    method = Model.get("account.invoice.payment.method")
    method(name="Cash", journal=cash, credit_account=accounts["cash"], debit_account=accounts["cash"]).save()
    create_payment_term().save()
    Model.get("party.party")(name="Cliente").save()

    category = Model.get("product.category")(name="Goods", accounting=True)
    category.account_expense, category.account_revenue = accounts["expense"], accounts["revenue"]
    category.save()
    (unit,) = Model.get("product.uom").find([("name", "=", "Unit")])
    template = Model.get("product.template")(name="Cafeteira", default_uom=unit, type="goods", salable=True)
    template.list_price, template.account_category = Decimal("149.90"), category
    template.save()
    (storage,) = Model.get("stock.location").find([("code", "=", "STO")])
    count = Model.get("stock.inventory")(location=storage)
    line = count.lines.new(product=template.products[0])
    line.quantity, line.expected_quantity = 1_000_000.0, 0.0
    count.click("confirm")


if __name__ == "__main__":
    address = os.environ["TRYTOND_DATABASE_URI"]
    initialise(address)
    furnish(address)
